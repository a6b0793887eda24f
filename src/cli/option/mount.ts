// --mount and -v: what is mounted where. Rules and texts of docker/cli (opts/mount.go, compose/loader/volume.go).
// Runs in the CLI; touches no file: the daemon looks at sources.

import { resolve } from 'node:path';
import type { MountBody } from '../../api/types.ts';
import { readBool } from '../flag.ts';
import { parseBytes } from '../../base/byte-size.ts';
import { readCsv } from '../../base/csv.ts';

type Mount = MountBody & { ImageOptions?: { Subpath?: string } };

const bool = (key: string, text: string): boolean => {
  try {
    return readBool(text);
  } catch {
    throw new Error(`invalid value for ${key}: ${text}`);
  }
};

const WITHOUT_VALUE = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive']);

/** Reads `type=bind,source=/a,target=/b,readonly`. @throws Error with Docker's text */
export function readMount(text: string): MountBody {
  const mount: Mount = { Type: 'volume', Target: '' };
  const volume = () => (mount.VolumeOptions ??= { Labels: {}, DriverConfig: {} });
  for (const field of readCsv(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    if (equals < 0 && !WITHOUT_VALUE.has(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
    const value = equals < 0 ? 'true' : field.slice(equals + 1);
    switch (key) {
      case 'type':
        mount.Type = value.toLowerCase();
        break;
      case 'source':
      case 'src':
        mount.Source = value.startsWith('.') ? resolve(value) : value;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount.Target = value;
        break;
      case 'readonly':
      case 'ro':
        mount.ReadOnly = bool(key, value);
        break;
      case 'consistency':
        mount.Consistency = value.toLowerCase();
        break;
      case 'bind-propagation':
        (mount.BindOptions ??= {}).Propagation = value.toLowerCase();
        break;
      case 'bind-nonrecursive':
        (mount.BindOptions ??= {}).NonRecursive = bool(key, value);
        break;
      case 'bind-recursive':
        recursion((mount.BindOptions ??= {}), key, value);
        break;
      case 'volume-subpath':
        volume().Subpath = value;
        break;
      case 'volume-nocopy':
        volume().NoCopy = bool(key, value);
        break;
      case 'volume-label':
        assign(volume().Labels!, value);
        break;
      case 'volume-driver':
        volume().DriverConfig!.Name = value;
        break;
      case 'volume-opt':
        assign((volume().DriverConfig!.Options ??= {}), value);
        break;
      case 'image-subpath':
        mount.ImageOptions = { Subpath: value };
        break;
      case 'tmpfs-size':
        (mount.TmpfsOptions ??= {}).SizeBytes = size(key, value);
        break;
      case 'tmpfs-mode':
        if (!/^[0-7]{1,11}$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
        (mount.TmpfsOptions ??= {}).Mode = parseInt(value, 8);
        break;
      default:
        throw new Error(`unexpected key '${key}' in '${field}'`);
    }
  }
  check(mount);
  return mount;
}

function recursion(options: NonNullable<MountBody['BindOptions']>, key: string, value: string): void {
  if (value === 'disabled') options.NonRecursive = true;
  else if (value === 'writable') options.ReadOnlyNonRecursive = true;
  else if (value === 'readonly') options.ReadOnlyForceRecursive = true;
  else if (value !== 'enabled') {
    throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
  }
}

function assign(target: Record<string, string>, pair: string): void {
  const equals = pair.indexOf('=');
  const key = equals < 0 ? pair : pair.slice(0, equals);
  if (key !== '') target[key] = equals < 0 ? '' : pair.slice(equals + 1);
}

function size(key: string, value: string): number {
  try {
    return parseBytes(value);
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

function check(mount: Mount): void {
  if (mount.Type === '') throw new Error('type is required');
  if (mount.Target === '') throw new Error('target is required');
  const owners = {
    volume: mount.VolumeOptions,
    image: mount.ImageOptions,
    bind: mount.BindOptions,
    tmpfs: mount.TmpfsOptions,
  };
  for (const [type, options] of Object.entries(owners)) {
    if (options && mount.Type !== type) {
      throw new Error(`cannot mix '${type}-*' options with mount type '${mount.Type}'`);
    }
  }
  const bind = mount.BindOptions;
  const needs = (option: string, what: string) =>
    new Error(`option 'bind-recursive=${option}' requires '${what}' to be specified in conjunction`);
  if (bind?.ReadOnlyNonRecursive && !mount.ReadOnly) throw needs('writable', 'readonly');
  if (bind?.ReadOnlyForceRecursive && !mount.ReadOnly) throw needs('readonly', 'readonly');
  if (bind?.ReadOnlyForceRecursive && bind.Propagation !== 'rprivate') {
    throw needs('readonly', 'bind-propagation=rprivate');
  }
}

/** `-v`: a bind (`/host:/in`, `name:/in`, with `:ro` and the like) or, with one part alone, an anonymous volume. */
export function readVolume(text: string): { bind: string } | { anonymous: string } {
  if (text === '') throw new Error('invalid empty volume spec');
  if (text.length <= 2) return { anonymous: text };
  const parts = text.split(':');
  if (parts.some((part) => part === '')) throw new Error(`invalid spec: ${text}: empty section between colons`);
  if (parts.length === 1) return { anonymous: text };
  const [source, ...rest] = parts as [string, ...string[]];
  return { bind: [source.startsWith('.') ? resolve(source) : source, ...rest].join(':') };
}
