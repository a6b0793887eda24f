// Unpackings that are under way, one per diffID: images that are pulled at once share their layers' work. A job ends early
// only when nobody waits for it any more. Runs in the daemon.

import type { Digest } from '../base/digest.ts';
import type { LayerRecord } from './layers.ts';
import type { UnpackPool } from './unpack-pool.ts';

export interface UnpackRequest {
  /** the blob: a file, verified by its digest */
  path: string;
  diffID: Digest;
  /** For people; the bytes themselves tell how the blob is compressed. */
  mediaType?: string;
  signal?: AbortSignal;
  /** bytes of the blob that were read so far */
  onProgress?(bytes: number): void;
}

export interface Outcome {
  /** Gives the unpacked directory its name; the job fails when this throws. */
  commit(into: string, record: LayerRecord): void;
  /** Removes what a failed job left. */
  discard(into: string): Promise<void>;
}

interface Job {
  result: Promise<LayerRecord>;
  abort: AbortController;
  waiting: number;
  watchers: Set<(bytes: number) => void>;
}

export class Unpacking {
  readonly #jobs = new Map<Digest, Job>();
  readonly #pool: UnpackPool;
  readonly #place: (diffID: Digest) => string;

  /** `place` names a new directory for a job. */
  constructor(pool: UnpackPool, place: (diffID: Digest) => string) {
    this.#pool = pool;
    this.#place = place;
  }

  /** Joins the job of that layer, or starts it. @throws AbortError when this request's signal aborts */
  async run(request: UnpackRequest, outcome: Outcome): Promise<LayerRecord> {
    request.signal?.throwIfAborted();
    const job = this.#jobs.get(request.diffID) ?? this.#start(request, outcome);
    if (request.onProgress) job.watchers.add(request.onProgress);
    job.waiting++;
    try {
      return await withSignal(job.result, request.signal);
    } finally {
      if (request.onProgress) job.watchers.delete(request.onProgress);
      if (--job.waiting === 0) {
        job.abort.abort();
        // A later request shall not join a job that is ending.
        if (this.#jobs.get(request.diffID) === job) this.#jobs.delete(request.diffID);
      }
    }
  }

  #start({ path, diffID }: UnpackRequest, outcome: Outcome): Job {
    const abort = new AbortController();
    const watchers = new Set<(bytes: number) => void>();
    const job: Job = {
      result: this.#work({ path, diffID }, { abort, watchers, outcome }),
      abort,
      waiting: 0,
      watchers,
    };
    this.#jobs.set(diffID, job);
    const done = () => void (this.#jobs.get(diffID) === job && this.#jobs.delete(diffID));
    job.result.then(done, done);
    return job;
  }

  async #work(
    { path, diffID }: UnpackRequest,
    { abort, watchers, outcome }: { abort: AbortController; watchers: Job['watchers']; outcome: Outcome },
  ): Promise<LayerRecord> {
    const into = this.#place(diffID);
    try {
      const onProgress = (bytes: number) => watchers.forEach((watcher) => watcher(bytes));
      const written = await this.#pool.run({ path, into, diffID }, { signal: abort.signal, onProgress });
      const { size, entries, rootSet, rootOpaque } = written;
      const record = { diffID, size, entries, rootSet, rootOpaque };
      abort.signal.throwIfAborted();
      outcome.commit(into, record);
      return record;
    } catch (error) {
      // The first error is the one to tell; what could not be removed now is swept at the next start.
      await outcome.discard(into).catch(() => {});
      throw error;
    }
  }
}

function withSignal<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return result;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
