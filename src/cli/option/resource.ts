// --cpus, --memory-swap, --restart, --security-opt and the namespace modes. Rules and texts of docker/cli.
// Runs in the CLI; reads the seccomp profile it is handed.

import { readFileSync } from 'node:fs';
import { errnoOf, messageOf } from '../../base/errors.ts';
import { readInt } from '../flag.ts';
import { parseBytes } from '../../base/byte-size.ts';
import { quote } from '../format/text.ts';
import { cut } from './key-value.ts';

/** `1.5` or `3/2` processors, in billionths. */
export function readCpus(text: string): number {
  const match = /^([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?(?:\/(\d+))?$/.exec(text);
  if (!match || match[4] === '0') throw new Error(`failed to parse ${text} as a rational number`);
  const [, sign, number = '', exponent = '0', divisor = '1'] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const places = 9 + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction) * (places > 0 ? 10n ** BigInt(places) : 1n);
  const by = BigInt(divisor) * (places < 0 ? 10n ** BigInt(-places) : 1n);
  if (digits % by !== 0n) throw new Error('value is too precise');
  return Number(sign === '-' ? -(digits / by) : digits / by);
}

/** Bytes, or -1 for no limit. */
export function readSwap(text: string): number {
  return text === '-1' ? -1 : parseBytes(text);
}

export interface RestartPolicy {
  Name: string;
  MaximumRetryCount: number;
}

/** `no`, `always`, `unless-stopped`, `on-failure[:5]`; the daemon knows the names. */
export function readRestart(text: string): RestartPolicy {
  if (text === '') return { Name: '', MaximumRetryCount: 0 };
  const { key, value } = cut(text, ':');
  if (value !== undefined && key === '') {
    throw new Error('invalid restart policy format: no policy provided before colon');
  }
  if (!value) return { Name: key, MaximumRetryCount: 0 };
  try {
    return { Name: key, MaximumRetryCount: readInt(value) };
  } catch {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
}

/** A namespace mode that docker/cli checks itself. */
export function checkMode(flag: 'pid' | 'uts' | 'userns' | 'cgroupns', text: string): void {
  const container = flag === 'pid' && /^container:.+/.test(text);
  const known = { pid: ['', 'host'], uts: ['', 'host'], userns: ['', 'host'], cgroupns: ['', 'host', 'private'] };
  if (known[flag].includes(text) || container) return;
  const names = { pid: 'PID', uts: 'UTS', userns: 'USER', cgroupns: 'CGROUP' };
  throw new Error(`--${flag}: invalid ${names[flag]} mode`);
}

export interface Security {
  options: string[];
  /** `systempaths=unconfined`: nothing is masked or read-only */
  unmasked: boolean;
}

/** Reads seccomp profiles, so that the daemon gets their text and no path. */
export function readSecurity(options: string[]): Security {
  const read = options.map((option) => {
    if (option === 'no-new-privileges') return option;
    let { key, value } = cut(option);
    if (value === undefined) ({ key, value } = cut(option, ':'));
    if (!value && key !== 'no-new-privileges') throw new Error(`Invalid --security-opt: ${quote(option)}`);
    if (key !== 'seccomp' || value === 'builtin' || value === 'unconfined') return option;
    return `seccomp=${profile(value!)}`;
  });
  const unconfined = 'systempaths=unconfined';
  return { options: read.filter((option) => option !== unconfined), unmasked: read.includes(unconfined) };
}

function profile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = errnoOf(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
    throw new Error(`opening seccomp profile (${path}) failed: open ${path}: ${reason}`, { cause: error });
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${messageOf(error)}`, { cause: error });
  }
}
