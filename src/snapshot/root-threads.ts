// Starts a thread for one request about the files of a container's root (root-thread.ts), at most so many at once: each holds
// its archive until its client has taken it. Runs in the daemon. Node worker_threads.

import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { internal, messageOf } from '../base/errors.ts';
import type { FileStat } from './root-files.ts';
import type { RootAnswer, RootRequest } from './root-thread.ts';
import { errorOf, workerProgram } from './worker-program.ts';

const MOST = 16;

export interface RunningRootJob {
  /** the root is open, and what was asked for is there; with its stat where the job tells one */
  ready: Promise<FileStat | undefined>;
  /** all is written, or read; nothing of the root is open any more */
  done: Promise<void>;
}

export class RootThreads {
  readonly #program: string | undefined;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `program`: path of root-thread.cjs. */
  constructor(program = workerProgram('root-thread')) {
    this.#program = program;
  }

  /** Runs a job. The thread owns its descriptor from now on. Both promises fail with the job; one failure is enough to tell. */
  run(request: RootRequest): RunningRootJob {
    let isReady: (stat: FileStat | undefined) => void = () => {};
    const first = new Promise<FileStat | undefined>((resolve) => (isReady = resolve));
    const done = this.#turn(() => this.#work(request, isReady));
    const ready = Promise.race([first, done.then(() => undefined)]);
    // Whoever waits for one of the two is told.
    ready.catch(() => {});
    done.catch(() => {});
    return { ready, done };
  }

  async #turn(work: () => Promise<void>): Promise<void> {
    if (this.#running >= MOST) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  #work(request: RootRequest, ready: (stat: FileStat | undefined) => void): Promise<void> {
    const program = this.#program;
    if (!program) {
      if ('fd' in request.job) closeSync(request.job.fd);
      return Promise.reject(internal('root-thread.cjs is not beside the program', { fix: 'npm run build' }));
    }
    return new Promise((resolve, reject) => {
      const options = { resourceLimits: { maxOldGenerationSizeMb: 256 }, trackUnmanagedFds: false };
      const worker = new Worker(program, { ...options, workerData: request });
      let outcome: () => void = () => reject(internal('the thread for the container’s files ended early'));
      worker.on('message', (answer: RootAnswer) => {
        if ('ready' in answer) ready(answer.stat);
        else if ('done' in answer) outcome = resolve;
        else outcome = () => reject(errorOf(answer.failure));
      });
      worker.on('error', (error) => {
        outcome = () => reject(internal(`the thread for the container’s files: ${messageOf(error)}`, { cause: error }));
      });
      // Not before it is gone: its mounts go with it.
      worker.on('exit', () => outcome());
    });
  }
}
