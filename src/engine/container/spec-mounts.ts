// The mounts of a container: Docker's defaults, then what the user asked for, parents before children, a user's mount in the
// place of the default one. Pure. moby daemon/oci_linux.go WithMounts

import { posix } from 'node:path';
import type { HostConfigBody, MountBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { SpecMount } from '../../base/oci-runtime.ts';

/** A bind or volume of a container, as `inspect` shows it. */
export interface BoundMount {
  Type: string;
  /** on the host */
  Source: string;
  Destination: string;
  /** what stood behind the second colon of -v */
  Mode: string;
  RW: boolean;
  /** empty: rprivate */
  Propagation: string;
}

/** Binds, volumes and tmpfs of the user, sorted. `extra`: those that punnet adds unless the user mounts there. */
export function userMounts(
  bound: readonly BoundMount[],
  { host, extra }: { host: HostConfigBody; extra: readonly SpecMount[] },
): SpecMount[] {
  const mounts: SpecMount[] = [];
  for (const mount of bound) {
    if (mount.Type === 'bind' || mount.Type === 'volume') mounts.push(bindMount(mount, detailsOf(mount, host)));
  }
  for (const mount of host.Mounts ?? []) if (mount.Type === 'tmpfs') mounts.push(tmpfsMount(mount));
  for (const [path, options] of Object.entries(host.Tmpfs ?? {})) {
    mounts.push({ destination: clean(path), type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(options) });
  }
  const taken = new Set(mounts.map((mount) => mount.destination));
  mounts.push(...extra.filter((mount) => !taken.has(mount.destination)));
  // Array.sort is stable: mounts of one depth stay in the order they were given.
  return mounts.sort((a, b) => depth(a.destination) - depth(b.destination));
}

/** Defaults that the user did not replace, then the user's. A /dev of the user's own takes all defaults below it away. */
export function mergeMounts(defaults: readonly SpecMount[], user: readonly SpecMount[]): SpecMount[] {
  const taken = new Set(user.map((mount) => mount.destination));
  const kept = defaults.filter(
    ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
  );
  return [...kept, ...user];
}

function detailsOf(mount: BoundMount, host: HostConfigBody): MountBody['BindOptions'] {
  return (host.Mounts ?? []).find((body) => clean(body.Target) === clean(mount.Destination))?.BindOptions;
}

function bindMount(mount: BoundMount, details: MountBody['BindOptions'] = {}): SpecMount {
  const flat = details.NonRecursive === true;
  const options = [flat ? 'bind' : 'rbind', mount.Propagation || 'rprivate'];
  if (!mount.RW) options.push(flat || details.ReadOnlyNonRecursive ? 'ro' : 'rro');
  return { destination: clean(mount.Destination), type: 'bind', source: mount.Source, options };
}

function tmpfsMount(mount: MountBody): SpecMount {
  const { SizeBytes, Mode, Options } = mount.TmpfsOptions ?? {};
  const options = ['noexec', 'nosuid', 'nodev'];
  if (mount.ReadOnly) options.push('ro');
  if (Mode) options.push(`mode=${Mode.toString(8)}`);
  if (SizeBytes) options.push(`size=${SizeBytes}`);
  for (const option of Options ?? []) options.push(option.join('='));
  return { destination: clean(mount.Target), type: 'tmpfs', source: 'tmpfs', options: mergeTmpfs(options) };
}

function tmpfsOptions(text: string): string[] {
  return mergeTmpfs(['noexec', 'nosuid', 'nodev', ...text.split(',').filter((option) => option !== '')]);
}

/* Each option and its opposite, so that the later of the two wins. */
const TOPICS: Record<string, string> = {
  exec: 'exec',
  noexec: 'exec',
  suid: 'suid',
  nosuid: 'suid',
  dev: 'dev',
  nodev: 'dev',
  ro: 'ro',
  rw: 'ro',
  sync: 'sync',
  async: 'sync',
  atime: 'atime',
  noatime: 'atime',
  relatime: 'atime',
  norelatime: 'atime',
  strictatime: 'atime',
  diratime: 'diratime',
  nodiratime: 'diratime',
};
const VALUES = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol', 'huge']);
const PLAIN = new Set(['rprivate', 'private', 'rslave', 'slave', 'rshared', 'shared', 'defaults', 'remount']);

function mergeTmpfs(options: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const option of options) {
    const name = option.split('=', 1)[0]!;
    const topic = TOPICS[option] ?? (VALUES.has(name) && option.includes('=') ? name : undefined);
    if (topic === undefined && !PLAIN.has(option))
      throw invalidArgument(`invalid tmpfs option [${JSON.stringify(option)}]`);
    const key = topic ?? option;
    merged.delete(key);
    merged.set(key, option);
  }
  return [...merged.values()];
}

function depth(path: string): number {
  return path.split('/').length;
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
