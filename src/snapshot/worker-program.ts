// Where the bundles of worker threads are, and how an error comes back from one. Runs in the daemon. Node worker_threads.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PunnetError } from '../base/errors.ts';
import type { WorkerFailure } from './unpack-worker.ts';

/** dist/<name>.cjs when the program itself is a bundle in dist; undefined in tests from source. */
export function workerProgram(name: string): string | undefined {
  const program = process.argv[1];
  const beside = program && join(dirname(program), `${name}.cjs`);
  return beside && existsSync(beside) ? beside : undefined;
}

/** An Error as a message between threads keeps neither its class nor its properties. */
export function errorOf(failure: WorkerFailure): Error {
  if (failure.aborted) return new DOMException(failure.message, 'AbortError');
  if (failure.kind) return new PunnetError(failure.kind, failure.message, { fix: failure.fix });
  return Object.assign(new Error(failure.message), { code: failure.code });
}
