// One blob from a registry into the content store: tries with back-off, and continues where the last try stopped (Range,
// RFC 9110 §14). Runs in the daemon.

import { PunnetError } from '../base/errors.ts';
import type { Source } from '../content/ingest.ts';
import { RegistryFailure } from './failure.ts';
import { backOff, type Transfer } from './transfer.ts';
import { bytesOf, discard } from './transport.ts';

/** Tries in a row that brought no byte before we give up; Docker's number. */
const TRIES = 5;
/** Tries in all: a server that gives one byte per connection is given up, too. */
const MOST_TRIES = 100;

/**
 * Fetches, verifies and commits the blob.
 * @throws RegistryFailure when the registry will not give it; what ContentStore.ingest throws for wrong bytes
 */
export async function downloadBlob(options: Transfer): Promise<void> {
  const { session, content, descriptor, signal } = options;
  const { digest, size } = descriptor;
  let furthest = 0;
  let whole = false;
  const source: Source = async (offset) => {
    const from = whole ? 0 : offset;
    const answer = await session.get(`blobs/${digest}`, from > 0 ? { range: `bytes=${from}-` } : {}, signal);
    if (answer.status === 206 && startOf(answer.headers['content-range']) !== from) {
      discard(answer);
      whole = true;
      throw new RegistryFailure(`blob ${digest}: the registry answered another range than asked`, { retry: true });
    }
    return { offset: answer.status === 206 ? from : 0, body: bytesOf(answer) };
  };
  let fruitless = 0;
  for (let tries = 1; ; tries++) {
    const before = furthest;
    try {
      await content.ingest(source, {
        digest,
        size,
        signal,
        progress(bytes) {
          furthest = Math.max(furthest, bytes);
          options.progress(bytes);
        },
      });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RegistryFailure && error.status === 416 && !whole) {
        whole = true;
        continue;
      }
      fruitless = furthest > before ? 1 : fruitless + 1;
      if (!mayRetry(error) || fruitless >= TRIES || tries >= MOST_TRIES) throw error;
      await backOff(options, { error, failures: fruitless });
    }
  }
}

function mayRetry(error: unknown): boolean {
  if (error instanceof RegistryFailure) return error.retry;
  return error instanceof PunnetError && error.kind === 'unavailable';
}

function startOf(range: string | undefined): number | undefined {
  const match = /^bytes (\d+)-/.exec(range ?? '');
  return match ? Number(match[1]) : undefined;
}
