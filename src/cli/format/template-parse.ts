// Parses the Go templates that `--format` takes: text/template without named templates. Error texts are Go's.
// Pure; runs in the CLI. pkg.go.dev/text/template.

export type Expression =
  | { kind: 'literal'; value: unknown; text: string; at: number }
  | { kind: 'dot'; text: string; at: number }
  | { kind: 'variable'; name: string; fields: string[]; text: string; at: number }
  | { kind: 'field'; fields: string[]; text: string; at: number }
  | { kind: 'function'; name: string; text: string; at: number }
  | { kind: 'chain'; base: Expression; fields: string[]; text: string; at: number }
  | { kind: 'pipe'; pipe: Pipe; text: string; at: number };

/** Where a template is wrong and why: `1:2: …`; whoever knows its name says `template: NAME:` before it. */
export class TemplateError extends Error {}

export interface Command {
  words: Expression[];
}

export interface Pipe {
  declare: string[];
  assign: boolean;
  commands: Command[];
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; pipe: Pipe }
  | { kind: 'if' | 'with' | 'range'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'break' }
  | { kind: 'continue' };

interface Token {
  kind: 'field' | 'variable' | 'word' | 'number' | 'string' | 'mark' | 'space';
  text: string;
  value?: unknown;
  at: number;
}

type Piece = { kind: 'text'; text: string } | { kind: 'action'; tokens: Token[]; at: number };

const fail = (message: string): never => {
  throw new TemplateError(`1: ${message}`);
};

/**
 * @param functions names that a template may call
 * @throws TemplateError with Go's text
 */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Node[] {
  const pieces = split(source);
  let at = 0;

  const block = (inside: string | undefined): { nodes: Node[]; stop: string; rest: Token[] } => {
    const nodes: Node[] = [];
    while (at < pieces.length) {
      const piece = pieces[at++]!;
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      const word = first?.kind === 'word' ? first.text : '';
      if (word === 'end' || word === 'else') {
        if (inside === undefined) fail(`unexpected {{${word}}}`);
        return { nodes, stop: word, rest };
      }
      nodes.push(action(word, piece.tokens, rest));
    }
    if (inside !== undefined) fail('unexpected EOF');
    return { nodes, stop: '', rest: [] };
  };

  const control = (kind: 'if' | 'with' | 'range', tokens: Token[]): Node => {
    const pipe = parsePipe(tokens, functions, kind);
    const body = block(kind);
    if (body.stop === 'end') return { kind, pipe, body: body.nodes, otherwise: [] };
    const chained = body.rest.find((token) => token.kind === 'word')?.text;
    if (chained === 'if' || chained === 'with') {
      const tail = body.rest.slice(body.rest.findIndex((token) => token.kind === 'word') + 1);
      return { kind, pipe, body: body.nodes, otherwise: [control(chained, tail)] };
    }
    const otherwise = block(kind);
    if (otherwise.stop !== 'end') fail('expected end; found {{else}}');
    return { kind, pipe, body: body.nodes, otherwise: otherwise.nodes };
  };

  const action = (word: string, tokens: Token[], rest: Token[]): Node => {
    if (word === 'if' || word === 'with' || word === 'range') return control(word, rest);
    if (word === 'break' || word === 'continue') return { kind: word };
    if (['define', 'template', 'block'].includes(word)) fail(`{{${word}}} is not supported in --format`);
    return { kind: 'action', pipe: parsePipe(tokens, functions, 'command') };
  };

  return block(undefined).nodes;
}

function split(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    if (open < 0) {
      if (text) pieces.push({ kind: 'text', text });
      return pieces;
    }
    let start = open + 2;
    if (/^-\s/.test(source.slice(start, start + 2))) {
      text = text.trimEnd();
      start++;
    }
    if (text) pieces.push({ kind: 'text', text });
    const comment = /^\s*\/\*[\s\S]*?\*\/\s*(-?)\}\}/.exec(source.slice(start));
    if (comment) {
      at = start + comment[0].length;
      trimNext = comment[1] === '-';
      continue;
    }
    const { tokens, end, trim } = tokenize(source, start);
    pieces.push({ kind: 'action', tokens: withoutEdges(tokens), at: start });
    at = end;
    trimNext = trim;
  }
}

function withoutEdges(tokens: Token[]): Token[] {
  const used = tokens.slice();
  while (used[0]?.kind === 'space') used.shift();
  while (used.at(-1)?.kind === 'space') used.pop();
  return used;
}

const STRING = /^"(?:[^"\\\n]|\\.)*"|^`[^`]*`|^'(?:[^'\\\n]|\\.)+'/;
const NUMBER = /^[+-]?(0[xX][0-9a-fA-F]+|\d+(\.\d*)?([eE][+-]?\d+)?)/;

function tokenize(source: string, start: number): { tokens: Token[]; end: number; trim: boolean } {
  const tokens: Token[] = [];
  let at = start;
  let depth = 0;
  const take = (kind: Token['kind'], text: string, value?: unknown) => {
    tokens.push({ kind, text, value, at });
    at += text.length;
  };
  for (;;) {
    const rest = source.slice(at);
    let match: RegExpExecArray | null;
    if (rest === '') return fail('unclosed action');
    if ((match = /^(\s-)?\}\}/.exec(rest))) {
      if (depth > 0) fail('unclosed left paren');
      return { tokens, end: at + match[0].length, trim: match[1] !== undefined };
    }
    if ((match = /^\s+?(?=\s-\}\}|\S|$)/.exec(rest))) take('space', match[0]);
    else if ((match = STRING.exec(rest))) take('string', match[0], unquote(match[0]));
    else if (/^["'`]/.test(rest))
      fail(rest[0] === "'" ? 'unterminated character constant' : 'unterminated quoted string');
    else if ((match = /^\.[A-Za-z_][A-Za-z0-9_]*/.exec(rest))) take('field', match[0]);
    else if ((match = /^\$[A-Za-z0-9_]*/.exec(rest))) take('variable', match[0]);
    else if ((match = NUMBER.exec(rest))) take('number', match[0], Number(match[0]));
    else if ((match = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest))) take('word', match[0]);
    else if ((match = /^(:=|[=|(),.])/.exec(rest))) {
      if (match[0] === '(') depth++;
      if (match[0] === ')' && --depth < 0) fail('unexpected right paren');
      take('mark', match[0]);
    } else fail(`unexpected ${JSON.stringify(rest[0])} in command`);
  }
}

function unquote(text: string): unknown {
  if (text[0] === '`') return text.slice(1, -1);
  const inner = text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, code: string) => {
    const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
    if (code.length > 1) return String.fromCharCode(parseInt(code.slice(1), 16));
    return simple[code] ?? code;
  });
  return text[0] === "'" ? inner.codePointAt(0) : inner;
}

function parsePipe(tokens: Token[], functions: ReadonlySet<string>, context: string): Pipe {
  let rest = withoutEdges(tokens);
  const names = /^(\$\w+)(?: *, *(\$\w+))? *(:=|=)/.exec(rest.map((t) => (t.kind === 'space' ? ' ' : t.text)).join(''));
  const pipe: Pipe = { declare: [], assign: false, commands: [] };
  if (names) {
    pipe.declare = [names[1]!, names[2]].filter((name) => name !== undefined);
    pipe.assign = names[3] === '=';
    rest = withoutEdges(rest.slice(rest.findIndex((token) => token.text === names[3]) + 1));
  }
  for (const part of splitPipe(rest)) {
    const words = parseWords(withoutEdges(part), functions);
    if (words.length === 0)
      fail(pipe.commands.length === 0 ? `missing value for ${context}` : 'unexpected "|" in operand');
    pipe.commands.push({ words });
  }
  return pipe;
}

function splitPipe(tokens: Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === '(' && token.kind === 'mark') depth++;
    if (token.text === ')' && token.kind === 'mark') depth--;
    if (token.kind === 'mark' && token.text === '|' && depth === 0) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

function parseWords(tokens: Token[], functions: ReadonlySet<string>): Expression[] {
  const words: Expression[] = [];
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at]!;
    if (token.kind === 'space') {
      at++;
      continue;
    }
    let word: Expression;
    if (token.kind === 'mark' && token.text === '(') {
      const end = closing(tokens, at);
      const inner = tokens.slice(at + 1, end);
      const text = `(${inner.map((t) => t.text).join('')})`;
      word = { kind: 'pipe', pipe: parsePipe(inner, functions, 'parenthesized pipeline'), text, at: token.at };
      at = end + 1;
    } else {
      word = operand(token, functions);
      at++;
    }
    const fields: Token[] = [];
    while (tokens[at]?.kind === 'field') fields.push(tokens[at++]!);
    words.push(withFields(word, fields));
  }
  return words;
}

/** The place of a chain is that of its second part, as Go counts. */
function withFields(word: Expression, tokens: Token[]): Expression {
  if (tokens.length === 0) return word;
  const at = tokens[0]!.at;
  const fields = tokens.map((token) => token.text.slice(1));
  const text = word.text + tokens.map((token) => token.text).join('');
  if (word.kind === 'field' || word.kind === 'variable') {
    return { ...word, fields: [...word.fields, ...fields], text, at };
  }
  if (word.kind === 'literal' || word.kind === 'dot') fail(`unexpected . after term ${JSON.stringify(word.text)}`);
  return { kind: 'chain', base: word, fields, text, at };
}

function closing(tokens: Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!;
    if (kind === 'mark' && text === '(') depth++;
    if (kind === 'mark' && text === ')' && --depth === 0) return at;
  }
  return fail('unclosed left paren');
}

function operand({ kind, text, value, at }: Token, functions: ReadonlySet<string>): Expression {
  if (kind === 'field') return { kind: 'field', fields: [text.slice(1)], text, at };
  if (kind === 'variable') return { kind: 'variable', name: text, fields: [], text, at };
  if (kind === 'string' || kind === 'number') return { kind: 'literal', value, text, at };
  if (kind === 'mark' && text === '.') return { kind: 'dot', text, at };
  if (kind === 'word') {
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true', text, at };
    if (text === 'nil') return { kind: 'literal', value: null, text, at };
    if (!functions.has(text)) fail(`function ${JSON.stringify(text)} not defined`);
    return { kind: 'function', name: text, text, at };
  }
  return fail(`unexpected ${JSON.stringify(text)} in operand`);
}
