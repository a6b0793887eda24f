// Two worker threads that unpack and archive layers and empty the trash, started when there is work and ended when there is
// none for a while. Where the worker's bundle is not beside the program (tests from source), jobs run in the calling thread.
// Runs in the daemon. Node worker_threads.

import { Worker } from 'node:worker_threads';
import { internal, messageOf } from '../base/errors.ts';
import type { Written } from './layer-writer.ts';
import { changesOf, type Change, type ChangesJob } from './changes.ts';
import { archiveLayer, type LayerArchive, type LayerArchiveJob } from './layer-archive.ts';
import { emptyAll, type EmptyJob } from './remove-tree.ts';
import { unpack, type UnpackJob } from './unpack.ts';
import type { WorkerAnswer, WorkerRequest, WorkerResult } from './unpack-worker.ts';
import { errorOf, workerProgram } from './worker-program.ts';

const THREADS = 2;
const IDLE_MS = 5_000;

export interface PoolOptions {
  signal?: AbortSignal;
  /** bytes of the blob that were read so far */
  onProgress?(bytes: number): void;
}

interface Waiting {
  request: WorkerRequest;
  onProgress?(bytes: number): void;
  resolve(result: WorkerResult): void;
  reject(error: unknown): void;
}

export class UnpackPool {
  readonly #program: string | undefined;
  readonly #queue: Waiting[] = [];
  readonly #idle: Worker[] = [];
  #threads = 0;

  /** `program`: path of unpack-worker.cjs. */
  constructor(program = workerProgram('unpack-worker')) {
    this.#program = program;
  }

  /** Runs one job, after those that came before. @throws as unpack does */
  async run(job: UnpackJob, options: PoolOptions = {}): Promise<Written> {
    const { signal, onProgress } = options;
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const abort = () => Atomics.store(flag, 0, 1);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      if (!this.#program) {
        const aborted = () => Atomics.load(flag, 0) === 1;
        return await unpack(job, { aborted, progress: (bytes) => onProgress?.(bytes) });
      }
      return (await this.#submit({ job, flag }, onProgress)) as Written;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Empties a trash directory and removes trees. @throws the errno of what could not be removed */
  async empty(job: EmptyJob): Promise<void> {
    if (this.#program) await this.#submit(job);
    else emptyAll(job);
  }

  /** Archives what a container changed. @throws as archiveLayer does */
  async archive(job: LayerArchiveJob): Promise<LayerArchive> {
    return this.#program ? ((await this.#submit({ archive: job })) as LayerArchive) : archiveLayer(job);
  }

  /** Lists what a container changed. */
  async changes(job: ChangesJob): Promise<Change[]> {
    return this.#program ? ((await this.#submit({ changes: job })) as Change[]) : changesOf(job);
  }

  #submit(request: WorkerRequest, onProgress?: (bytes: number) => void): Promise<WorkerResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, onProgress, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (!this.#queue.length) return;
    const worker = this.#idle.pop() ?? (this.#threads < THREADS ? this.#start() : undefined);
    if (worker) this.#give(worker, this.#queue.shift()!);
  }

  #start(): Worker {
    this.#threads++;
    // Names and maps of a hostile archive must not take the daemon's memory along.
    // The addon opens descriptors that Node does not know of: it must not warn when they are closed.
    return new Worker(this.#program!, { resourceLimits: { maxOldGenerationSizeMb: 256 }, trackUnmanagedFds: false });
  }

  #give(worker: Worker, waiting: Waiting): void {
    const settle = (act: () => void, alive: boolean) => {
      // By name, because without one Worker's own listeners go too, and it never speaks again.
      for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
      if (alive) this.#rest(worker);
      else this.#threads--;
      act();
      this.#next();
    };
    worker.ref();
    worker.on('message', (answer: WorkerAnswer) => {
      if ('progress' in answer) waiting.onProgress?.(answer.progress);
      else if ('result' in answer) settle(() => waiting.resolve(answer.result), true);
      else settle(() => waiting.reject(errorOf(answer.failure)), true);
    });
    worker.on('error', (error) => {
      settle(() => waiting.reject(internal(`unpack worker: ${messageOf(error)}`, { cause: error })), false);
    });
    worker.on('exit', (code) => settle(() => waiting.reject(internal(`unpack worker exited with ${code}`)), false));
    worker.postMessage(waiting.request);
  }

  /** Keeps the thread for the next layer of the same pull; it does not keep the daemon alive. */
  #rest(worker: Worker): void {
    this.#idle.push(worker);
    worker.unref();
    const timer = setTimeout(() => {
      const at = this.#idle.indexOf(worker);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      this.#threads--;
      void worker.terminate();
    }, IDLE_MS);
    timer.unref();
  }
}
