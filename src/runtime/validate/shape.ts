// What a JSON value must look like, as data, and a walk that checks it. null is as good as absent, since Go writes it for an
// empty list; members that are not known are left alone, as the specification wants. Pure. RFC 8259

import { invalidArgument } from '../../base/errors.ts';

/** Checks a value and gives it back without its nulls. `path`: where it stands, for the error. */
export type Shape = (value: unknown, path: string) => unknown;

const LONGEST = 80;

function wrong(path: string, what: string, value: unknown): never {
  const text = JSON.stringify(value) ?? String(value);
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  throw invalidArgument(`config.json: ${path} must be ${what}: ${shown}`);
}

/** A NUL byte would end it early for the kernel. */
export const string: Shape = (value, path) => {
  if (typeof value !== 'string') return wrong(path, 'a string', value);
  if (value.includes('\0')) return wrong(path, 'a string without NUL bytes', value);
  return value;
};

export const boolean: Shape = (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'true or false', value);

/** A whole number. JSON's are doubles, so the largest 64-bit ones come rounded. */
export function integer(least: number, most: number): Shape {
  return (value, path) => {
    const good = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
    return good ? value : wrong(path, `a whole number from ${least} to ${most}`, value);
  };
}

export const uint16 = integer(0, 0xffff);
export const uint32 = integer(0, 0xffff_ffff);
export const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
export const int64 = integer(-(2 ** 63), 2 ** 63);
export const uint64 = integer(0, 2 ** 64);

export function oneOf(...words: string[]): Shape {
  return (value, path) => {
    return typeof value === 'string' && words.includes(value)
      ? value
      : wrong(path, `one of ${words.join(', ')}`, value);
  };
}

export function list(item: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) return wrong(path, 'a list', value);
    return value.map((each, index) => item(each, `${path}[${index}]`));
  };
}

/** Members of any name. */
export function record(item: Shape): Shape {
  return (value, path) => {
    const entries = Object.entries(plain(value, path)).filter(([, each]) => each !== null);
    return Object.fromEntries(entries.map(([name, each]) => [name, item(each, `${path}.${name}`)]));
  };
}

/** Members by name; `name!` must be there. */
export function object(members: Readonly<Record<string, Shape>>): Shape {
  const known = Object.entries(members).map(([key, shape]) => {
    return { name: key.replace(/!$/, ''), shape, needed: key.endsWith('!') };
  });
  return (value, path) => {
    const from = plain(value, path);
    const result: Record<string, unknown> = {};
    for (const { name, shape, needed } of known) {
      const member = Object.hasOwn(from, name) ? from[name] : undefined;
      const where = path === '' ? name : `${path}.${name}`;
      if (member !== undefined && member !== null) result[name] = shape(member, where);
      else if (needed) throw invalidArgument(`config.json: ${where} must be given`);
    }
    return result;
  };
}

function plain(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return wrong(path || 'the whole', 'an object', value);
}
