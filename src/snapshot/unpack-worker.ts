// Entry of the unpack worker: a thread of the daemon, so that inflating, reading, writing and deleting files never delays it.
// Takes one job at a time from the pool. Runs in the daemon's process and namespaces, as uid 0 there.

import { parentPort } from 'node:worker_threads';
import { errnoOf, messageOf, PunnetError } from '../base/errors.ts';
import { archiveLayer, type LayerArchive, type LayerArchiveJob } from './layer-archive.ts';
import { changesOf, type Change, type ChangesJob } from './changes.ts';
import { emptyAll, type EmptyJob } from './remove-tree.ts';
import { unpack, type UnpackJob } from './unpack.ts';
import type { Written } from './layer-writer.ts';

/** From the pool: a layer to unpack, whose `flag[0]` becomes 1 when it shall end; changes to list or to archive; trash to empty. */
export type WorkerRequest =
  { job: UnpackJob; flag: Int32Array } | { archive: LayerArchiveJob } | { changes: ChangesJob } | EmptyJob;

/** What came of it; emptied trash has written nothing. */
export type WorkerResult = Written | LayerArchive | Change[] | undefined;

export interface WorkerFailure {
  message: string;
  kind?: PunnetError['kind'];
  fix?: string;
  code?: string;
  aborted?: boolean;
}

/** To the pool: progress any number of times, then one of the others. */
export type WorkerAnswer = { progress: number } | { result: WorkerResult } | { failure: WorkerFailure };

const port = parentPort!;

port.on('message', (request: WorkerRequest) => {
  const answer = (message: WorkerAnswer) => port.postMessage(message);
  work(request, answer).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ failure: failureOf(error) }),
  );
});

async function work(request: WorkerRequest, answer: (message: WorkerAnswer) => void): Promise<WorkerResult> {
  if ('trash' in request) return void emptyAll(request);
  if ('archive' in request) return archiveLayer(request.archive);
  if ('changes' in request) return changesOf(request.changes);
  const { job, flag } = request;
  const progress = (bytes: number) => answer({ progress: bytes });
  return unpack(job, { aborted: () => Atomics.load(flag, 0) === 1, progress });
}

/** An Error as a message between threads keeps neither its class nor its properties. */
function failureOf(error: unknown): WorkerFailure {
  const known = error instanceof PunnetError ? { kind: error.kind, fix: error.fix } : {};
  const aborted = (error as Error | undefined)?.name === 'AbortError';
  return { message: messageOf(error), code: errnoOf(error), aborted, ...known };
}
