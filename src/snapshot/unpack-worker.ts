// Entry of the unpack worker: a thread of the daemon, so that inflating and writing layers never delays its answers. Takes one
// job at a time from the pool. Runs in the daemon's process and namespaces, as uid 0 there.

import { parentPort } from 'node:worker_threads';
import { errnoOf, messageOf, PunnetError } from '../base/errors.ts';
import { unpack, type UnpackJob } from './unpack.ts';
import type { Written } from './layer-writer.ts';

/** From the pool. `flag[0]` becomes 1 when the job shall end. */
export interface WorkerRequest {
  job: UnpackJob;
  flag: Int32Array;
}

export interface WorkerFailure {
  message: string;
  kind?: PunnetError['kind'];
  fix?: string;
  code?: string;
  aborted?: boolean;
}

/** To the pool: progress any number of times, then one of the others. */
export type WorkerAnswer = { progress: number } | { written: Written } | { failure: WorkerFailure };

const port = parentPort!;

port.on('message', ({ job, flag }: WorkerRequest) => {
  const answer = (message: WorkerAnswer) => port.postMessage(message);
  unpack(job, {
    aborted: () => Atomics.load(flag, 0) === 1,
    progress: (bytes) => answer({ progress: bytes }),
  }).then(
    (written) => answer({ written }),
    (error: unknown) => answer({ failure: failureOf(error) }),
  );
});

/** An Error as a message between threads keeps neither its class nor its properties. */
function failureOf(error: unknown): WorkerFailure {
  const known = error instanceof PunnetError ? { kind: error.kind, fix: error.fix } : {};
  const aborted = (error as Error | undefined)?.name === 'AbortError';
  return { message: messageOf(error), code: errnoOf(error), aborted, ...known };
}
