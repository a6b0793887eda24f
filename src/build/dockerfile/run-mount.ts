// `RUN --mount=type=…,target=…`: one mount of a step as data. Pure. Runs wherever a Dockerfile is read.
// Dockerfile reference, "RUN --mount"; buildkit: instructions/commands_runmount.go.

import { parseBytes } from '../../base/byte-size.ts';
import { readCsv } from '../../base/csv.ts';
import { invalidArgument, messageOf } from '../../base/errors.ts';
import type { RunMount } from './instruction.ts';

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const SHARING = ['shared', 'private', 'locked'];
const KEYS = [
  ...['type', 'from', 'source', 'src', 'target', 'dst', 'destination', 'readonly', 'ro', 'readwrite', 'rw', 'required'],
  ...['size', 'id', 'sharing', 'mode', 'uid', 'gid', 'env'],
];

type Fields = Partial<Record<string, string>>;

/**
 * @param expand replaces variables; without it only what holds without them is checked, and the result is of no use
 * @throws invalidArgument with Docker's texts
 */
export function parseMount(text: string, expand?: (word: string) => string): RunMount {
  const fields: Fields = { type: 'bind' };
  for (const field of fieldsOf(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (!KEYS.includes(key)) throw invalidArgument(`unexpected key '${key}' in '${field}'`);
    if (value === undefined && !['readonly', 'ro', 'readwrite', 'rw', 'required'].includes(key)) {
      throw invalidArgument(`invalid field '${field}' must be a key=value pair`);
    }
    if (!expand && key === 'from' && /\$./.test(value ?? '')) {
      throw invalidArgument(`'from' doesn't support variable expansion, define alias stage instead`);
    }
    fields[LONG[key] ?? key] = expand ? expand(value ?? 'true') : (value ?? 'true');
  }
  return expand || !text.includes('$') ? mountOf(fields) : { type: 'tmpfs', target: '', readOnly: false };
}

const LONG: Record<string, string> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};

function fieldsOf(text: string): string[] {
  try {
    return readCsv(text);
  } catch (error) {
    throw invalidArgument(`failed to parse csv mounts: ${messageOf(error)}`, { cause: error });
  }
}

function mountOf(fields: Fields): RunMount {
  const type = fields.type!.toLowerCase();
  if (!TYPES.includes(type)) throw invalidArgument(`unsupported mount type ${JSON.stringify(fields.type)}`);
  check(fields, type);
  const target = fields.target ?? '';
  const { source = '', from, id = '' } = fields;
  const written = fields.readonly !== undefined ? truth('readonly', fields.readonly) : undefined;
  const readOnly =
    written ??
    (fields.readwrite === undefined ? type !== 'cache' && type !== 'tmpfs' : !truth('readwrite', fields.readwrite));
  const required = fields.required !== undefined && truth('required', fields.required);
  const owner = { uid: id32('uid', fields.uid), gid: id32('gid', fields.gid) };
  if (type !== 'secret' && type !== 'ssh' && target === '') throw invalidArgument(`${type} mount requires a target`);
  switch (type) {
    case 'bind':
      return { type, target, readOnly, source, ...(from && { from }) };
    case 'cache': {
      const sharing = (fields.sharing ?? 'shared').toLowerCase();
      if (!SHARING.includes(sharing)) throw invalidArgument(`unsupported sharing value ${JSON.stringify(sharing)}`);
      return {
        type,
        target,
        readOnly,
        id: id || target,
        source,
        sharing: sharing as 'shared',
        mode: mode(fields.mode, 0o755),
        ...owner,
        ...(from && { from }),
      };
    }
    case 'tmpfs':
      return { type, target, readOnly, ...(fields.size && { size: size(fields.size) }) };
    case 'secret': {
      const name = id || source || target.split('/').at(-1)!;
      const place = target || (fields.env === undefined ? `/run/secrets/${name.split('/').at(-1)}` : '');
      const env = fields.env === undefined ? {} : { env: fields.env || name };
      return { type, target: place, readOnly, id: name, ...env, required, mode: mode(fields.mode, 0o400), ...owner };
    }
    default:
      return { type: 'ssh', target, readOnly, id: id || 'default', required, mode: mode(fields.mode, 0o600), ...owner };
  }
}

/** What one type has and another has not. */
function check(fields: Fields, type: string): void {
  const only = (key: string, types: string[]) => {
    if (fields[key] !== undefined && !types.includes(type)) {
      throw invalidArgument(`unexpected key '${key}' for mount type '${type}'`);
    }
  };
  only('required', ['secret', 'ssh']);
  only('size', ['tmpfs']);
  for (const key of ['mode', 'uid', 'gid']) {
    if (fields[key] !== undefined && !['secret', 'ssh', 'cache'].includes(type)) {
      throw invalidArgument(`${key} not allowed for ${JSON.stringify(type)} type mounts`);
    }
  }
  if (fields.sharing !== undefined && type !== 'cache') {
    throw invalidArgument(
      type === 'secret' ? 'secret mount should not define sharing' : `invalid cache sharing set for ${type} mount`,
    );
  }
  if (type !== 'secret') return;
  if (fields.from) throw invalidArgument('secret mount should not have a from');
  if (!fields.source && !fields.target && !fields.id) {
    throw invalidArgument('invalid secret mount. one of source, target required');
  }
  if (fields.source && fields.id) throw invalidArgument("both source and id can't be set");
}

function truth(key: string, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw invalidArgument(`invalid value for ${key}: ${text}`);
}

function mode(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[0-7]{1,11}$/.test(text)) throw invalidArgument(`invalid value ${text} for mode`);
  return parseInt(text, 8) & 0o7777;
}

function id32(key: string, text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,10}$/.test(text)) throw invalidArgument(`invalid value ${text} for ${key}`);
  return Number(text);
}

function size(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    throw invalidArgument(`invalid value for size: ${text}`, { cause: error });
  }
}
