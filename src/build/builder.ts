// The builder of a daemon: its cache, its directories, and the builds that go on at once.
//   build/cache/   a record per step       build/mount/   directories of --mount=type=cache
//   build/work/    contexts and files of builds under way: swept at start
// Runs in the daemon, as uid 0 of its user namespace.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { internal } from '../base/errors.ts';
import { Build, idOf } from './build.ts';
import { BuildCache, type CacheRecord } from './cache.ts';
import { receiveContext, type BuildContext } from './context.ts';
import type { BuildHost } from './host.ts';
import { imageConfigOf } from './image-state.ts';
import { MountStore } from './mount-store.ts';
import type { BuildRequest } from './request.ts';
import type { StageResult } from './stage.ts';

export interface BuilderOptions {
  host: BuildHost;
  /** `<data root>/build` */
  directory: string;
  /** a directory that is not on disk: for secrets, while a step runs */
  secretDirectory: string;
  log(line: string): void;
}

export interface PruneOptions {
  /** also what could be of use; otherwise only what nothing has used for `keepMilliseconds` */
  all: boolean;
  /** what was used more recently stays */
  unusedFor: number;
  /** bytes that may stay, the least used going first */
  keepStorage: number | undefined;
}

export class Builder {
  readonly #options: BuilderOptions;
  readonly #cache: BuildCache;
  readonly #mounts: MountStore;
  readonly #running = new Map<Digest, Promise<CacheRecord>>();
  /** by key of the cache record: gives its layer free */
  readonly #kept = new Map<Digest, () => Promise<void>>();

  /** Call before anything frees layers that no image has: the cache keeps those that it knows. */
  constructor(options: BuilderOptions) {
    this.#options = options;
    const { directory, secretDirectory } = options;
    for (const path of [directory, join(directory, 'work'), secretDirectory]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
    for (const path of [join(directory, 'work'), secretDirectory]) {
      for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
    }
    this.#cache = new BuildCache(join(directory, 'cache'));
    this.#mounts = new MountStore(join(directory, 'mount'));
    for (const problem of this.#cache.problems) options.log(problem);
    for (const { record } of this.#cache.list()) this.#keep(record);
  }

  /** Unpacks the archive that a client sends; to be removed when the build has ended. */
  receive(archive: AsyncIterable<Uint8Array>): Promise<BuildContext> {
    return receiveContext(archive, this.#newPath());
  }

  /** @throws BuildFailure naming the step; invalidArgument for a Dockerfile that is none */
  async build(request: BuildRequest): Promise<Digest> {
    const { host } = this.#options;
    const made: string[] = [];
    const releases: (() => Promise<void>)[] = [];
    try {
      const build = new Build(request, {
        host: {
          ...host,
          // A base image may be removed while steps run on it: its blobs are then needed by what is built.
          image: async (reference, options) => {
            const base = await host.image(reference, options);
            releases.push(host.hold(base.layers));
            return base;
          },
        },
        cache: this.#cache,
        mounts: this.#mounts,
        running: this.#running,
        keep: (record) => this.#keep(record),
        scratch: () => {
          const path = this.#newPath();
          mkdirSync(path, { mode: 0o700 });
          made.push(path);
          return path;
        },
        secretFile: () => join(this.#options.secretDirectory, randomBytes(12).toString('hex')),
      });
      const result = await build.run();
      releases.push(host.hold(result.state.layers));
      return await this.#save(result, request);
    } finally {
      for (const release of releases) await release();
      for (const path of made) await rm(path, { recursive: true, force: true });
    }
  }

  /** What the cache holds: bytes of layers and directories. */
  usage(): { records: CacheRecord[]; size: number } {
    const records = this.#cache.list().map(({ record }) => record);
    return { records, size: records.reduce((sum, { layer }) => sum + (layer?.size ?? 0), 0) };
  }

  /** Forgets records; their layers go unless an image has them. */
  async prune({ all, unusedFor, keepStorage }: PruneOptions): Promise<{ removed: Digest[]; bytes: number }> {
    const now = Date.now();
    const list = this.#cache.list().sort((a, b) => a.used - b.used);
    let left = list.reduce((sum, { record }) => sum + (record.layer?.size ?? 0), 0);
    const removed: Digest[] = [];
    let bytes = 0;
    for (const { record, used } of list) {
      if (keepStorage !== undefined && left <= keepStorage) break;
      if (now - used < unusedFor) continue;
      const size = record.layer?.size ?? 0;
      this.#cache.remove(record.key);
      await this.#kept.get(record.key)?.();
      this.#kept.delete(record.key);
      removed.push(record.key);
      bytes += size;
      left -= size;
    }
    if (all) for (const directory of this.#mounts.idle()) await this.#mounts.remove(directory);
    return { removed, bytes };
  }

  #keep(record: CacheRecord): void {
    if (record.layer === null || this.#kept.has(record.key)) return;
    if (!this.#options.host.has(record.layer)) return;
    this.#kept.set(record.key, this.#options.host.hold([record.layer]));
  }

  async #save(result: StageResult, request: BuildRequest): Promise<Digest> {
    const { host } = this.#options;
    const { state, created, baseId } = result;
    if (baseId) {
      await host.name(baseId, request.names);
      return baseId;
    }
    if (created === undefined) throw internal('No image was generated. Is your Dockerfile empty?');
    const expected = idOf(result);
    const id = await host.save(imageConfigOf(state, created), state.layers, request.names);
    if (id !== expected) this.#options.log(`image ${id} was announced as ${expected}`);
    return id;
  }

  #newPath(): string {
    return join(this.#options.directory, 'work', randomBytes(8).toString('hex'));
  }
}
