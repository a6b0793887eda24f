// --device, --device-cgroup-rule and the per-device limits of block devices. Rules and texts of docker/cli.
// Pure; runs in the CLI.

import { posix } from 'node:path';
import { readUint } from '../flag.ts';
import { parseBytes } from '../../base/byte-size.ts';
import { cut } from './key-value.ts';

export interface Device {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

/** A mode is each of r, w, m at most once. */
function isMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** `/dev/a[:/dev/b][:rwm]`. */
export function readDevice(text: string): Device {
  const parts = text.split(':');
  if (parts.length > 3 || parts[0] === '') throw new Error(`bad format for path: ${text}`);
  const [host, second, mode] = parts as [string, string?, string?];
  if (mode !== undefined && !isMode(mode)) throw new Error(`bad mode specified: ${mode}`);
  const onlyMode = mode === undefined && second !== undefined && isMode(second);
  const target = second === undefined || onlyMode ? host : second;
  if (!target.startsWith('/')) throw new Error(`${target} is not an absolute path`);
  const cleanHost = second === undefined || onlyMode ? posix.normalize(host) : host;
  return {
    PathOnHost: cleanHost,
    PathInContainer: mode === undefined ? posix.normalize(target) : target,
    CgroupPermissions: mode ?? (onlyMode ? second : 'rwm'),
  };
}

export function readDeviceRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new Error(`invalid device cgroup format '${text}'`);
  return text;
}

function path(text: string): { key: string; value: string } {
  const { key, value } = cut(text, ':');
  if (value === undefined || key === '') throw new Error(`bad format: ${text}`);
  if (!key.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return { key, value };
}

/** `/dev/sda:1mb`, bytes per second. */
export function readBytesPerSecond(text: string): { Path: string; Rate: number } {
  const { key, value } = path(text);
  try {
    return { Path: key, Rate: parseBytes(value) };
  } catch {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. ` +
        'Number must be a positive integer. Unit is optional and can be kb, mb, or gb',
    );
  }
}

/** `/dev/sda:1000`, operations per second. */
export function readOperationsPerSecond(text: string): { Path: string; Rate: number } {
  const { key, value } = path(text);
  try {
    return { Path: key, Rate: readUint(value, 64) };
  } catch {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  }
}

/** `/dev/sda:500`, 10 to 1000, or 0. */
export function readWeight(text: string): { Path: string; Weight: number } {
  const { key, value } = path(text);
  const weight = /^\d+$/.test(value) ? Number(value) : -1;
  if (weight !== 0 && (weight < 10 || weight > 1000)) throw new Error(`invalid weight for device: ${text}`);
  return { Path: key, Weight: weight };
}
