// Here-documents of RUN, COPY and ADD: `<<EOF`, `<<-EOF`, `<<"EOF"`. Pure. Runs wherever a Dockerfile is read.
// Dockerfile reference, "Here-Documents".

import { expandWords } from './expand.ts';

export interface HereDocument {
  name: string;
  /** the descriptor that it is written to: `3<<EOF` */
  descriptor: number;
  /** variables in it are replaced: the word was not quoted */
  expand: boolean;
  /** `<<-`: leading tabs go */
  chomp: boolean;
  content: string;
}

const WORD = /^(\d*)<<(-?)\s*([^<]*)$/;
const UNSET = { escape: '\\', value: () => undefined, keepUnset: true };

/** One word as the beginning of a here-document, without its content; undefined when it is something else. */
export function hereDocument(word: string): HereDocument | undefined {
  const match = WORD.exec(word);
  const rest = match?.[3] ?? '';
  if (!match || rest === '') return undefined;
  const words = expandWords(rest, UNSET);
  if (words.length !== 1) return undefined;
  const raw = expandWords(rest, { ...UNSET, rawQuotes: true });
  return {
    name: words[0]!,
    descriptor: Number(match[1] ?? '') || 0,
    expand: quotes(words[0]!) === quotes(raw.join('')),
    chomp: match[2] === '-',
    content: '',
  };
}

const quotes = (text: string) => text.replace(/[^'"]/g, '').length;

/** All here-documents that a line begins, without their content. */
export function hereDocumentsOf(line: string): HereDocument[] {
  if (!line.includes('<<')) return [];
  let words: string[];
  try {
    words = expandWords(line, { ...UNSET, rawQuotes: true, rawEscapes: true });
  } catch {
    // What the line's own shell will make of it is not known here; it then begins none.
    return [];
  }
  return words.map(hereDocument).filter((found) => found !== undefined);
}

/** The content as `<<-` leaves it. */
export function contentOf({ content, chomp }: HereDocument): string {
  return chomp ? content.replace(/^\t+/gm, '') : content;
}
