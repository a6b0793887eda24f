// The functions that a --format template can call, Go's own and Docker's (json, join, split, upper, lower, title, pad,
// truncate), and how Go prints a value. Pure; runs in the CLI. pkg.go.dev/text/template#hdr-Functions.

import { quote } from './text.ts';

export type TemplateFunction = (...parameters: unknown[]) => unknown;

/** Whether `if` takes the branch: not for false, 0, nothing, and what is empty. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || isStruct(value) || Object.keys(value).length > 0;
}

/** A value as `{{.}}` prints it: fmt's %v. */
export function show(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(isStruct(value) ? value.toJSON() : value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${show(item)}`).join(' ')}]`;
}

function isStruct(value: object): value is { toJSON(): Record<string, unknown> } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** JSON as Docker writes it: the formatter's own objects with <, > and & as escapes, documents as they are. */
function jsonText(value: unknown): string {
  const json = JSON.stringify(value ?? null);
  if (typeof value !== 'object' || value === null || !isStruct(value)) return json;
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const text = (value: unknown, name: string): string => {
  if (typeof value === 'string') return value;
  throw new Error(`wrong type for value; expected string; got ${value === undefined ? 'nil' : typeof value} (${name})`);
};

function index(container: unknown, ...keys: unknown[]): unknown {
  let value = container;
  for (const key of keys) {
    if (value === null || value === undefined) throw new Error('index of untyped nil');
    if (Array.isArray(value) || typeof value === 'string') {
      if (typeof key !== 'number') throw new Error('cannot index slice/array with type string');
      if (key < 0 || key >= value.length) throw new Error(`index out of range: ${key}`);
      value = typeof value === 'string' ? value.charCodeAt(key) : value[key];
    } else if (typeof value === 'object') {
      const map = value as Record<string, unknown>;
      value = Object.hasOwn(map, String(key)) ? map[String(key)] : '';
    } else throw new Error(`can't index item of type ${typeof value}`);
  }
  return value;
}

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value !== null && typeof value === 'object') return Object.keys(value).length;
  throw new Error(value === undefined || value === null ? 'len of nil pointer' : `len of type ${typeof value}`);
}

function slice(value: unknown, from: unknown = 0, to?: unknown): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${typeof value}`);
  const end = to === undefined ? value.length : Number(to);
  if (Number(from) < 0 || end > value.length || Number(from) > end) throw new Error(`index out of range: ${end}`);
  return value.slice(Number(from), end);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) throw new Error('incompatible types for comparison');
  if (typeof a !== 'number' && typeof a !== 'string') throw new Error('invalid type for comparison');
  return a < (b as typeof a) ? -1 : a === b ? 0 : 1;
}

function equal(a: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((b) => {
    const nothing = (value: unknown) => value === null || value === undefined;
    if (nothing(a) || nothing(b)) return nothing(a) && nothing(b);
    if (typeof a !== typeof b) throw new Error('incompatible types for comparison');
    return a === b;
  });
}

/** fmt.Sprintf for the verbs that templates use: v s d q t x o b f e g c, with width, precision, `-`, `0`, `+`, `#`. */
export function sprintf(format: string, ...values: unknown[]): string {
  let next = 0;
  const out = format.replace(/%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g, (_, flags, width, precision, verb) => {
    if (verb === '%') return '%';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const body = verbText(verb as string, values[next++], precision as string | undefined);
    if (width === undefined) return body;
    if ((flags as string).includes('-')) return body.padEnd(Number(width));
    return body.padStart(Number(width), (flags as string).includes('0') ? '0' : ' ');
  });
  return next < values.length
    ? `${out}%!(EXTRA ${values
        .slice(next)
        .map((v) => `${typeof v}=${show(v)}`)
        .join(', ')})`
    : out;
}

function verbText(verb: string, value: unknown, precision: string | undefined): string {
  const number = Number(value);
  switch (verb) {
    case 'v':
    case 's':
      return precision === undefined ? show(value) : show(value).slice(0, Number(precision));
    case 'q':
      return quote(show(value));
    case 't':
      return String(value);
    case 'd':
      return typeof value === 'number' ? String(Math.trunc(value)) : `%!d(${typeof value}=${show(value)})`;
    case 'x':
      return typeof value === 'string' ? Buffer.from(value).toString('hex') : number.toString(16);
    case 'o':
      return number.toString(8);
    case 'b':
      return number.toString(2);
    case 'c':
      return String.fromCodePoint(number);
    case 'f':
      return number.toFixed(precision === undefined ? 6 : Number(precision));
    case 'e':
      return number.toExponential(precision === undefined ? 6 : Number(precision));
    case 'g':
      return precision === undefined ? String(number) : String(Number(number.toPrecision(Number(precision))));
    default:
      return `%!${verb}(${typeof value}=${show(value)})`;
  }
}

const print = (...values: unknown[]): string =>
  values.reduce<string>((out, value, at) => {
    const spaced = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string';
    return out + (spaced ? ' ' : '') + show(value);
  }, '');

export const basicFunctions: Record<string, TemplateFunction> = {
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
  len: length,
  index,
  slice,
  print,
  printf: (format, ...values) => sprintf(text(format, 'printf'), ...values),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  html: (...values) =>
    print(...values).replace(
      /[&<>"']/g,
      (char) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': '#34', "'": '#39' }[char]};`,
    ),
  urlquery: (...values) => encodeURIComponent(print(...values)).replace(/%20/g, '+'),
  js: (...values) => JSON.stringify(print(...values)).slice(1, -1),
  eq: equal,
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  json: jsonText,
  split: (value, separator) => text(value, 'split').split(text(separator, 'split')),
  join: (values, separator) => ((values ?? []) as unknown[]).map(show).join(text(separator, 'join')),
  title: (value) =>
    text(value, 'title').replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (value) => text(value, 'lower').toLowerCase(),
  upper: (value) => text(value, 'upper').toUpperCase(),
  pad: (value, before, after) =>
    value === '' ? '' : ' '.repeat(Number(before)) + text(value, 'pad') + ' '.repeat(Number(after)),
  truncate: (value, width) => text(value, 'truncate').slice(0, Number(width)),
};

/** In the header line of a table every function leaves the column's name as it is. */
export const headerFunctions: Record<string, TemplateFunction> = Object.fromEntries(
  ['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'].map((name) => [name, (value: unknown) => value]),
);
