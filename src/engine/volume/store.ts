// The volumes of a data directory: volume/<name>/{_data/, volume.json}. A directory without a record is an anonymous volume of
// an earlier version. Runs in the daemon, as root of its user namespace. moby: daemon/volume/local.

import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../../base/atomic-file.ts';
import { invalidArgument, messageOf, notFound, notImplemented } from '../../base/errors.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';

/** volume.json: written before the volume gets its name, never changed. */
export interface VolumeRecord {
  name: string;
  /** RFC 3339, seconds */
  created: string;
  labels: Record<string, string>;
  options: Record<string, string> | null;
  /** made for one container, without a name of the user's */
  anonymous: boolean;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** What Docker's local driver hands to mount(2), as the host's root. */
const MOUNT_OPTIONS = ['type', 'o', 'device', 'size'];

export class VolumeStore {
  readonly directory: string;
  readonly #volumes = new Map<string, VolumeRecord>();
  /** one line per record that could not be read */
  readonly problems: string[] = [];

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    for (const name of readdirSync(directory)) if (NAME.test(name)) this.#load(name);
  }

  /** @throws notFound with Docker's text */
  get(name: string): VolumeRecord {
    const volume = this.#volumes.get(name);
    if (!volume) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  find(name: string): VolumeRecord | undefined {
    return this.#volumes.get(name);
  }

  /** All volumes, in order of their names. */
  list(): VolumeRecord[] {
    return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where its files are. */
  path(name: string): string {
    return join(this.directory, name, '_data');
  }

  /** Makes a volume. @throws invalidArgument, notImplemented for its options */
  create(volume: Omit<VolumeRecord, 'created'>): VolumeRecord {
    const { name } = volume;
    checkOptions(name, volume.options ?? {});
    const record = { ...volume, created: rfc3339((nowNanoseconds() / 1_000_000_000n) * 1_000_000_000n) };
    const making = join(this.directory, `.${name}.new`);
    mkdirSync(join(making, '_data'), { recursive: true, mode: 0o755 });
    writeJsonAtomic(join(making, 'volume.json'), record);
    renameSync(making, join(this.directory, name));
    this.#volumes.set(name, record);
    return record;
  }

  /** Forgets a volume; `discard` takes its directory away in one step. */
  remove(name: string, discard: (path: string) => void): void {
    discard(join(this.directory, name));
    this.#volumes.delete(name);
  }

  #load(name: string): void {
    try {
      const found = readJson<VolumeRecord>(join(this.directory, name, 'volume.json'));
      const created = statSync(join(this.directory, name))
        .birthtime.toISOString()
        .replace(/\.\d+Z$/, 'Z');
      this.#volumes.set(name, found ?? { name, created, labels: {}, options: null, anonymous: true });
    } catch (error) {
      this.problems.push(`volume ${name}: ${messageOf(error)}`);
    }
  }
}

/** @throws invalidArgument with Docker's texts */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalidArgument(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (NAME.test(name)) return;
  throw invalidArgument(
    `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only ` +
      '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  );
}

function checkOptions(name: string, options: Record<string, string>): void {
  for (const key of Object.keys(options)) {
    if (!MOUNT_OPTIONS.includes(key)) throw invalidArgument(`create ${name}: invalid option: ${JSON.stringify(key)}`);
    throw notImplemented(`create ${name}: option ${JSON.stringify(key)} of the local driver is not supported`, {
      fix: 'bind a directory that is mounted on the host (-v /path:/path), or use --tmpfs',
    });
  }
}
