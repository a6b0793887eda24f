// Layers ↔ directories. *unpack* makes a layer (committed, named by its diffID); *prepare* makes an active snapshot, a stack of
// layers with a writable directory on top, named by its key (a container's id); *mounts* says how to mount it.
//   layer/<name>/{fs/, layer.json}   active/<key>/{upper/, work/, snapshot.json}   rootfs/: where stacks are mounted, by each in a
//   mount namespace of their own   unpack/, spare/ and trash/: swept at start
// Runs in the daemon, the only one that writes here, in its user and mount namespaces, as uid 0 there. Mounts nothing.

import { closeSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../base/atomic-file.ts';
import type { Digest } from '../base/digest.ts';
import { conflict, invalidArgument, notFound } from '../base/errors.ts';
import type { Mount } from '../base/mount.ts';
import { fchmod, fchown, fstatat, openat2, utimensat } from '../native/addon.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../native/constants.ts';
import type { Change } from './changes.ts';
import type { LayerArchive } from './layer-archive.ts';
import { InitLayers, type InitEntry } from './init-layers.ts';
import { Layers, type Layer, type LayerRecord } from './layers.ts';
import { Spares } from './spares.ts';
import { Trash } from './trash.ts';
import { UnpackPool } from './unpack-pool.ts';
import { Unpacking, type UnpackRequest } from './unpacking.ts';
import { UpperWriter } from './upper-writer.ts';
import { usageOf, type Usage } from './usage.ts';

/** As Docker: an image of more layers is refused, and so many fit the one page that mount(2) takes. */
export const MAX_LAYERS = 127;

const KEY = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** active/<key>/snapshot.json */
interface ActiveRecord {
  /** bottom first, as an image config lists them */
  diffIDs: Digest[];
  /** name of the init layer on top of them; see init-layers.ts */
  init?: string;
}

export interface Problem {
  /** what it is about, as a path below the snapshot directory */
  object: string;
  problem: string;
  fix: string;
}

export interface MountOptions {
  /** Mount point; by default `rootfs`, the same for all. */
  target?: string;
  /** Leave out syncing when the mount ends: for what is removed right after (`--rm`). overlayfs.rst, "Volatile mount". */
  volatile?: boolean;
}

export class Snapshotter {
  readonly #dir: string;
  readonly #layers: Layers;
  readonly #inits: InitLayers;
  readonly #actives = new Map<string, ActiveRecord>();
  readonly #pool: UnpackPool;
  readonly #unpacking: Unpacking;
  readonly #trash: Trash;
  readonly #spares: Spares;

  /** `dir` is made where missing; it and everything in it belongs to this object alone. */
  constructor(dir: string, pool = new UnpackPool()) {
    this.#dir = dir;
    this.#pool = pool;
    // Closed to others: files of images keep their setuid bits (CVE-2021-41091, CVE-2021-41103).
    for (const part of ['', 'layer', 'init', 'active', 'unpack', 'trash', 'spare', 'empty', 'rootfs']) {
      mkdirSync(join(dir, part), { recursive: true, mode: 0o700 });
    }
    this.#spares = new Spares(join(dir, 'spare'));
    this.#trash = new Trash(join(dir, 'trash'), pool);
    this.#layers = new Layers(join(dir, 'layer'));
    this.#inits = new InitLayers(join(dir, 'init'), join(dir, 'unpack'));
    this.#unpacking = new Unpacking(pool, (diffID) => join(dir, 'unpack', `${diffID.slice(7, 19)}-${suffix()}`));
  }

  /** Removes what a daemon that was killed left half-done. Call once, before anything else. */
  async sweep(): Promise<void> {
    for (const part of ['unpack', 'spare']) {
      for (const name of readdirSync(join(this.#dir, part))) this.#discard(part, name);
    }
    for (const name of readdirSync(join(this.#dir, 'active'))) {
      if (!KEY.test(name)) this.#discard('active', name);
    }
    const gone = this.#inits.forget((diffIDs) => diffIDs.some((diffID) => !this.has(diffID)));
    for (const name of gone) this.#discard('init', name);
    await this.#trash.empty();
  }

  /** True when the layer is committed. */
  has(diffID: Digest): boolean {
    return this.#layers.find(diffID) !== undefined;
  }

  /** The size of a committed layer in bytes. @throws notFound */
  size(diffID: Digest): number {
    return this.#layers.get(diffID).size;
  }

  /** Every committed layer. */
  list(): Layer[] {
    return this.#layers.list();
  }

  /**
   * Unpacks a blob as layer `diffID` and commits it. One that is committed is left alone; concurrent calls for one diffID
   * share the work, which ends early when all of them were aborted.
   * @throws invalidArgument when the bytes are not that layer or are hostile: then nothing is committed.
   */
  async unpack(request: UnpackRequest): Promise<{ size: number; entries: number }> {
    const { diffID } = request;
    const present = this.#layers.find(diffID);
    if (present) return { size: present.size, entries: present.entries };
    const written = await this.#unpacking.run(request, {
      commit: (into, record) => this.#commit(into, record),
      discard: async (into) => {
        this.#trash.discard(into);
        await this.#trash.empty();
      },
    });
    return { size: written.size, entries: written.entries };
  }

  /**
   * Makes the active snapshot `key` on a stack of layers (bottom first), with `init` between them where the image lacks it.
   * @throws notFound, conflict, invalidArgument
   */
  prepare(key: string, diffIDs: Digest[], { init = [] }: { init?: readonly InitEntry[] } = {}): void {
    const dir = this.#activeDir(key);
    const layers = diffIDs.map((diffID) => this.#layers.get(diffID));
    if (layers.length > MAX_LAYERS) {
      throw invalidArgument(`max depth exceeded: the image has ${layers.length} layers, more than ${MAX_LAYERS}`);
    }
    if (existsSync(dir)) throw conflict(`snapshot ${key} exists already`);
    const record: ActiveRecord = { diffIDs, init: this.#inits.for(diffIDs, this.layers(diffIDs), init) };
    const text = JSON.stringify(record);
    const spare = this.#spares.take(text);
    const making = spare?.path ?? join(this.#dir, 'unpack', `${key}-${suffix()}`);
    if (spare === undefined) {
      for (const part of ['', 'work', 'upper']) mkdirSync(join(making, part), { mode: 0o700 });
    }
    this.#dressUpper(join(making, 'upper'), layers);
    // Not by rename: the whole directory is.
    if (spare?.record !== text) writeFileSync(join(making, 'snapshot.json'), text, { mode: 0o600 });
    renameSync(making, dir);
    this.#actives.set(key, record);
  }

  /** How to mount the active snapshot `key`: one overlay, with names relative to `cwd`. @throws notFound */
  mounts(key: string, { target, volatile }: MountOptions = {}): Mount[] {
    const { diffIDs, init } = this.#active(key);
    const lower = this.#stack(diffIDs).map(({ name }) => `layer/${name}/fs`);
    if (init !== undefined) lower.unshift(`init/${init}/fs`);
    // overlay wants at least one lower directory: an image without layers gets an empty one.
    const lowerdir = `lowerdir=${(lower.length ? lower : ['empty']).join(':')}`;
    const options = [lowerdir, `upperdir=active/${key}/upper`, `workdir=active/${key}/work`, 'userxattr'];
    if (volatile) {
      options.push('volatile');
      // The mark that a volatile mount leaves forbids the next one: it is meant for a kernel that crashed in between, and
      // such a container is gone then.
      rmSync(join(this.#activeDir(key), 'work/work/incompat'), { recursive: true, force: true });
    }
    return [
      {
        source: 'overlay',
        target: target ?? join(this.#dir, 'rootfs'),
        type: 'overlay',
        options,
        cwd: this.#dir,
      },
    ];
  }

  /** Absolute directories of a stack of layers (given bottom first), top first: for readInStack. @throws notFound */
  layers(diffIDs: Digest[]): string[] {
    return this.#stack(diffIDs).map(({ name }) => join(this.#dir, 'layer', name, 'fs'));
  }

  /** Layers of an active snapshot, bottom first. @throws notFound */
  layersOf(key: string): Digest[] {
    return this.#active(key).diffIDs;
  }

  /** The writable directory of an active snapshot. @throws notFound */
  upper(key: string): string {
    this.#active(key);
    return join(this.#activeDir(key), 'upper');
  }

  /** Writes into an active snapshot that nobody has mounted; to be closed. @throws notFound */
  writer(key: string): UpperWriter {
    return new UpperWriter(this.#activeDir(key), this.layers(this.layersOf(key)));
  }

  /** What the container wrote. @throws notFound */
  usage(key: string): Usage {
    this.#active(key);
    return withDirectory(this.#activeDir(key), (fd) => usageOf(fd, 'upper'));
  }

  /** What the container changed, in order of the paths, as `docker diff` tells it. @throws notFound */
  changes(key: string): Promise<Change[]> {
    const { diffIDs, init } = this.#active(key);
    const below = init === undefined ? [] : [join(this.#dir, 'init', init, 'fs')];
    return this.#pool.changes({ upper: this.upper(key), lower: [...below, ...this.layers(diffIDs)] });
  }

  /** Writes what the container changed as the archive of a new layer, uncompressed, into the new file `path`. @throws notFound */
  archive(key: string, path: string): Promise<LayerArchive> {
    return this.#pool.archive({ upper: this.upper(key), path });
  }

  /**
   * Ends the active snapshot `key` by making its upper directory the layer that `archive` told of: nothing is copied.
   * Nobody may have it mounted any more. @throws notFound
   */
  async commit(key: string, { diffID, entries }: LayerArchive): Promise<void> {
    if (!this.has(diffID)) {
      const upper = this.upper(key);
      const into = join(this.#dir, 'unpack', `${key}-${suffix()}`);
      mkdirSync(into, { mode: 0o700 });
      renameSync(upper, join(into, 'fs'));
      const { size } = withDirectory(into, (fd) => usageOf(fd, 'fs'));
      this.#commit(into, { diffID, size, entries, rootSet: false, rootOpaque: false });
    }
    await this.removeActive(key);
  }

  /** Removes the active snapshot `key`, if there is one. At once out of sight; disk space is freed by and by. */
  async removeActive(key: string): Promise<void> {
    const dir = this.#activeDir(key);
    // Of one that is unknown, or corrupt, nothing is kept.
    const record = this.#actives.get(key);
    this.#actives.delete(key);
    if (record === undefined || !this.#spares.keep(dir, JSON.stringify(record))) this.#discard('active', key);
    await this.#trash.empty();
  }

  /** Throws a tree of others away, at once out of sight if it is of this file system; freed with the next snapshot that is removed. */
  discard(path: string): void {
    this.#trash.discard(path);
  }

  /** Keys of all active snapshots. */
  listActive(): string[] {
    return readdirSync(join(this.#dir, 'active')).filter((name) => KEY.test(name));
  }

  /** Removes a committed layer, if there is one. @throws conflict when an active snapshot stands on it */
  async removeLayer(diffID: Digest): Promise<void> {
    const layer = this.#layers.find(diffID);
    if (!layer) return;
    const user = this.listActive().find((key) => this.#active(key).diffIDs.includes(diffID));
    if (user) throw conflict(`layer ${diffID} is in use by ${user}`);
    this.#layers.forget(diffID);
    for (const name of this.#inits.forget((diffIDs) => diffIDs.includes(diffID))) this.#discard('init', name);
    this.#discard('layer', layer.name);
    await this.#trash.empty();
  }

  /** What is wrong on disk, for `punnet system check`. Reads records and names, not the files of layers. */
  check(): Problem[] {
    const problems: Problem[] = [];
    const present = this.#layers.list((name, problem) => {
      problems.push({ object: `layer/${name}`, problem, fix: 'remove the images that use it and pull them again' });
    });
    const known = new Set(present.map(({ diffID }) => diffID));
    for (const key of readdirSync(join(this.#dir, 'active'))) {
      const object = `active/${key}`;
      try {
        for (const diffID of this.#read(key).diffIDs) {
          if (!known.has(diffID))
            problems.push({ object, problem: `stands on ${diffID}, which is missing`, fix: REMOVE });
        }
        for (const part of ['upper', 'work']) {
          if (!existsSync(join(this.#dir, object, part)))
            problems.push({ object, problem: `has no ${part}`, fix: REMOVE });
        }
      } catch (error) {
        problems.push({ object, problem: (error as Error).message, fix: REMOVE });
      }
    }
    return problems;
  }

  #commit(into: string, record: LayerRecord): void {
    writeJsonAtomic(join(into, 'layer.json'), record);
    this.#trash.discard(join(into, 'trash'));
    renameSync(into, join(this.#dir, 'layer', this.#layers.nameFor(record.diffID)));
  }

  /** The stack, top first; what lies below a layer that hides everything is left out. */
  #stack(diffIDs: Digest[]): Layer[] {
    const stack: Layer[] = [];
    for (const diffID of diffIDs.toReversed()) {
      const layer = this.#layers.get(diffID);
      stack.push(layer);
      if (layer.rootOpaque) break;
    }
    return stack;
  }

  /** The root of a mounted overlay looks as its upper directory does: so that takes after the topmost layer that says how. */
  #dressUpper(path: string, layers: Layer[]): void {
    const model = layers.findLast(({ rootSet }) => rootSet);
    withDirectory(path, (upper) => {
      const now = BigInt(Date.now()) * 1_000_000n;
      utimensat(upper, '', now, now, 0);
      if (!model) {
        fchown(upper, 0, 0);
        return void fchmod(upper, 0o755);
      }
      withDirectory(join(this.#dir, 'layer', model.name, 'fs'), (root) => {
        const { uid, gid, mode } = fstatat(root, '', AT_EMPTY_PATH);
        fchown(upper, uid, gid);
        fchmod(upper, mode & 0o7777);
      });
    });
  }

  #active(key: string): ActiveRecord {
    const known = this.#actives.get(key) ?? this.#read(key);
    this.#actives.set(key, known);
    return known;
  }

  #read(key: string): ActiveRecord {
    const record = readJson<ActiveRecord>(join(this.#activeDir(key), 'snapshot.json'));
    if (!record) throw notFound(`no such snapshot: ${key}`);
    return record;
  }

  #activeDir(key: string): string {
    if (!KEY.test(key)) throw invalidArgument(`invalid snapshot key ${JSON.stringify(key)}`);
    return join(this.#dir, 'active', key);
  }

  #discard(part: string, name: string): void {
    this.#trash.discard(join(this.#dir, part, name));
  }
}

const REMOVE = 'punnet rm the container';

function suffix(): string {
  return randomBytes(4).toString('hex');
}

function openDirectory(path: string): number {
  return openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
}

function withDirectory<T>(path: string, use: (fd: number) => T): T {
  const fd = openDirectory(path);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
