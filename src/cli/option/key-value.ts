// key=value options and the files that hold them: --env, --env-file, --label, --label-file, --sysctl, --ulimit.
// Rules and texts of docker/cli (opts, pkg/kvfile). Runs in the CLI; reads the files it is handed.

import { readFileSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';
import { readInt } from '../flag.ts';

/** Splits at the first `=`; `value` is undefined where there is none. */
export function cut(text: string, separator = '='): { key: string; value: string | undefined } {
  const at = text.indexOf(separator);
  return at < 0
    ? { key: text, value: undefined }
    : { key: text.slice(0, at), value: text.slice(at + separator.length) };
}

/** `A=1`, or `A`, which takes the value of the caller's own environment and stays bare where that has none. */
export function readEnv(text: string): string {
  const { key, value } = cut(text);
  if (key === '') throw new Error(`invalid environment variable: ${text}`);
  if (value !== undefined) return text;
  const own = process.env[key];
  return own === undefined ? text : `${key}=${own}`;
}

/** `key` or `key=value`. */
export function readLabel(text: string): string {
  const key = cut(text).key.replace(/^[ \t]+/, '');
  if (key === '') throw new Error(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(key)) throw new Error(`label '${key}' contains whitespaces`);
  return text;
}

/** Lines of a file as key=value; `lookUp` gives the value of a line without one, which is dropped where it finds none. */
export function readKeyValueFile(path: string, lookUp?: (key: string) => string | undefined): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reasons: Record<string, string> = {
      ENOENT: 'no such file or directory',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    };
    const code = errnoOf(error) ?? 'EIO';
    throw new Error(`${code === 'EISDIR' ? 'read' : 'open'} ${path}: ${reasons[code] ?? code}`, { cause: error });
  }
  try {
    return lines(bytes).flatMap((line) => entry(line, lookUp));
  } catch (error) {
    throw new Error(`invalid env file (${path}): ${(error as Error).message}`, { cause: error });
  }
}

function lines(bytes: Buffer): string[] {
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd') && !bytes.includes('\ufffd')) {
    const at = text.slice(0, text.indexOf('\ufffd')).split('\n').length;
    throw new Error(`invalid utf8 bytes at line ${at}`);
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
}

function entry(raw: string, lookUp?: (key: string) => string | undefined): string[] {
  const line = raw.trimStart();
  if (line === '' || line.startsWith('#')) return [];
  const { key, value } = cut(line);
  if (key === '') throw new Error(`no variable name on line '${line}'`);
  if (/[ \t]/.test(key)) throw new Error(`variable '${key}' contains whitespaces`);
  if (value !== undefined) return [line];
  const found = lookUp?.(key);
  return found === undefined ? [] : [`${key}=${found}`];
}

/** Pairs as an object; the last one of a key stands. */
export function toObject(pairs: string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => [cut(pair).key, cut(pair).value ?? '']));
}

const SYSCTLS = ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'];

/** A sysctl that belongs to a namespace. */
export function readSysctl(text: string): string {
  const { key, value } = cut(text);
  const allowed =
    SYSCTLS.some((name) => key === `kernel.${name}`) || key.startsWith('net.') || key.startsWith('fs.mqueue.');
  if (value === undefined || key === '' || !allowed) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

const ULIMITS = [
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio'],
  ...['rttime', 'sigpending', 'stack'],
];

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

/** `nofile=1024[:2048]`, -1 for no limit. */
export function readUlimit(text: string): Ulimit {
  const { key, value } = cut(text);
  if (value === undefined) throw new Error(`invalid ulimit argument: ${text}`);
  if (!ULIMITS.includes(key)) throw new Error(`invalid ulimit type: ${key}`);
  const limits = value.split(':');
  if (limits.length > 2) {
    throw new Error(`too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
  }
  const hard = limits[1] === undefined ? undefined : readInt(limits[1]);
  const Soft = readInt(limits[0]!);
  const Hard = hard ?? Soft;
  const tooHigh = 'ulimit soft limit must be less than or equal to hard limit:';
  if (Hard !== -1 && Soft === -1) throw new Error(`${tooHigh} soft: -1 (unlimited), hard: ${Hard}`);
  if (Hard !== -1 && Soft > Hard) throw new Error(`${tooHigh} ${Soft} > ${Hard}`);
  return { Name: key, Soft, Hard };
}
