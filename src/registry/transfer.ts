// What the ways of a blob have in common, from a registry and to one: the arguments, and the pause before a further try. Runs in
// the daemon. RFC 9110 §10.2.3 (Retry-After)

import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../base/oci-image.ts';
import type { ContentStore } from '../content/store.ts';
import { RegistryFailure } from './failure.ts';
import type { Session } from './session.ts';

const LONGEST_BACKOFF = 30_000;

export interface Transfer {
  session: Session;
  content: ContentStore;
  descriptor: Descriptor;
  /** milliseconds before the second try */
  backoff: number;
  signal: AbortSignal;
  progress(bytes: number): void;
  /** told before each further try */
  retrying(milliseconds: number): void;
}

/** Waits as long as the registry asked for; else longer with each of the `failures` in a row. @throws the signal's reason */
export async function backOff(
  transfer: Transfer,
  { error, failures }: { error: unknown; failures: number },
): Promise<void> {
  const { backoff, signal } = transfer;
  const asked = error instanceof RegistryFailure ? error.retryAfter : undefined;
  const wait = asked ?? Math.min(backoff * 2 ** (failures - 1), LONGEST_BACKOFF);
  transfer.retrying(wait);
  await delay(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
}
