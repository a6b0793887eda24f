// Long work in small slices, so that the daemon answers others in between: the work is a generator that yields wherever it may
// be interrupted. Runs in the daemon.

import { setImmediate } from 'node:timers/promises';

/** Longest time in one go, in milliseconds. */
const SLICE = 15;

/** Runs `work` to its end. @throws what it throws; the signal's reason when that aborts */
export async function inSlices<T>(work: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const until = performance.now() + SLICE;
    do {
      const { done, value } = work.next();
      if (done) return value;
    } while (performance.now() < until);
    await setImmediate();
    if (signal?.aborted) {
      work.return(undefined as T);
      throw signal.reason;
    }
  }
}
