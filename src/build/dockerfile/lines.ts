// A Dockerfile's bytes → its instructions as text: directives, comments, continued lines and here-documents are dealt with
// here. Pure. Runs in the daemon, and in the CLI for `lint`. Dockerfile reference, "Format" and "Parser directives".

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import { hereDocumentsOf, type HereDocument } from './heredoc.ts';
import { jsonList, splitInstruction } from './words.ts';

/** One instruction, not yet understood. */
export interface Line {
  /** as it was written */
  keyword: string;
  flags: string[];
  /** behind keyword and flags */
  rest: string;
  /** the whole instruction on one line */
  text: string;
  /** first and last line in the file, from 1 */
  start: number;
  end: number;
  hereDocuments: HereDocument[];
  /** comments right above */
  comments: string[];
}

export interface Lines {
  /** `\` or a backtick */
  escape: string;
  /** `syntax`, `escape`, `check` */
  directives: Record<string, string>;
  lines: Line[];
  /** line numbers of empty lines inside a continued instruction */
  emptyContinuations: number[];
}

const DIRECTIVES = ['syntax', 'escape', 'check'];
const TAKES_DOCUMENTS = ['add', 'copy', 'run'];

/** @throws invalidArgument `dockerfile parse error on line N: …` */
export function readLines(file: string): Lines {
  return new Reader(file).read();
}

/** An error of one line, in Docker's frame. */
export function lineError(line: number, error: unknown): PunnetError {
  const message = error instanceof Error ? error.message : String(error);
  return invalidArgument(`dockerfile parse error on line ${line}: ${message}`, { cause: error });
}

class Reader {
  /** each with its line end */
  readonly #physical: string[];
  readonly #result: Lines = { escape: '\\', directives: {}, lines: [], emptyContinuations: [] };
  #at = 0;
  #comments: string[] = [];
  #continuation = continuation('\\');

  constructor(file: string) {
    this.#physical = file.replace(/^\uFEFF/, '').match(/[^\n]*\n|[^\n]+$/g) ?? [];
  }

  read(): Lines {
    this.#readDirectives();
    while (this.#at < this.#physical.length) this.#readInstruction();
    if (this.#result.lines.length === 0) throw invalidArgument('file with no instructions');
    return this.#result;
  }

  /** Only before everything else, each once. */
  #readDirectives(): void {
    const { directives } = this.#result;
    for (; this.#at < this.#physical.length; this.#at++) {
      const match = /^\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(this.#physical[this.#at]!);
      const name = match?.[1]!.toLowerCase();
      if (!match || !DIRECTIVES.includes(name!)) return;
      if (name! in directives) {
        throw lineError(this.#at + 1, new Error(`only one ${name} parser directive can be used`));
      }
      directives[name!] = match[2]!;
      if (name === 'escape') this.#setEscape(match[2]!);
    }
  }

  #setEscape(token: string): void {
    if (token !== '\\' && token !== '`') {
      throw lineError(this.#at + 1, new Error(`invalid escape token '${token}' does not match \` or \\`));
    }
    this.#result.escape = token;
    this.#continuation = continuation(token);
  }

  #readInstruction(): void {
    const first = this.#next().trimStart();
    if (first.startsWith('#')) {
      const comment = first.slice(1).trim();
      this.#comments = comment === '' ? [] : [...this.#comments, comment];
      return;
    }
    if (first === '') return;
    const start = this.#at;
    const text = this.#continued(first);
    // A lone continuation character at the end of the file is an instruction to Docker too: of no name.
    const { escape } = this.#result;
    const { keyword, flags, rest } = splitInstruction(text, escape);
    const hereDocuments = this.#documents(keyword, rest, text);
    const comments = this.#comments;
    this.#comments = [];
    for (const document of hereDocuments) this.#readDocument(document, start);
    this.#result.lines.push({ keyword, flags, rest, text, start, end: this.#at, hereDocuments, comments });
  }

  /** Joins the lines of one instruction. Comments between them go, and so do empty lines. */
  #continued(first: string): string {
    let more = this.#continuation.test(first);
    let text = first.replace(this.#continuation, '$1');
    while (more && this.#at < this.#physical.length) {
      const line = this.#next();
      if (/^\s*#/.test(line)) continue;
      if (line.trim() === '') {
        this.#result.emptyContinuations.push(this.#at);
        continue;
      }
      more = this.#continuation.test(line);
      text += line.replace(this.#continuation, '$1');
    }
    return text;
  }

  #documents(keyword: string, rest: string, text: string): HereDocument[] {
    const { escape } = this.#result;
    let name = keyword.toLowerCase();
    let argument = rest;
    if (name === 'onbuild') {
      const inner = splitInstruction(rest, escape);
      name = inner.keyword.toLowerCase();
      argument = inner.rest;
    }
    if (!TAKES_DOCUMENTS.includes(name) || looksLikeList(argument)) return [];
    return hereDocumentsOf(text);
  }

  #readDocument(document: HereDocument, start: number): void {
    while (this.#at < this.#physical.length) {
      const whole = this.#physical[this.#at++]!;
      const line = whole.replace(/[\r\n]+$/, '');
      if ((document.chomp ? line.replace(/^\t+/, '') : line) === document.name) return;
      document.content += whole;
    }
    throw lineError(start, new Error('unterminated heredoc'));
  }

  /** The next line without its end. */
  #next(): string {
    return this.#physical[this.#at++]!.replace(/[\r\n]+$/, '');
  }
}

/** At the end of a line, not escaped itself. */
function continuation(token: string): RegExp {
  const escaped = token === '\\' ? '\\\\' : token;
  return new RegExp(`([^${escaped}])${escaped}[ \\t]*$|^${escaped}[ \\t]*$`);
}

function looksLikeList(text: string): boolean {
  try {
    return jsonList(text) !== undefined;
  } catch {
    return true;
  }
}
