// `stats` over time: a sample a second until the client has enough. Runs in the daemon. moby: daemon/stats.go.

import { setTimeout as pause } from 'node:timers/promises';
import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { noStats, sample, type Stats } from './stats.ts';

const PERIOD_MS = 1000;

export interface StatsOptions {
  stream: boolean;
  /** one sample without a second one to compare it with */
  oneShot: boolean;
  signal: AbortSignal;
  /** the container is there */
  ready(): void;
  emit(stats: object): void;
}

/** Resolves when all is said, the client has gone, or the container was removed. */
export async function watchStats(room: Room, container: Container, options: StatsOptions): Promise<void> {
  const { stream, oneShot, signal, emit } = options;
  options.ready();
  if (!stream && (oneShot || !container.running)) {
    emit(container.running ? sample(room, container, undefined) : noStats(container));
    return;
  }
  let before: Stats | undefined = sample(room, container, undefined);
  while (!signal.aborted && room.store.find(container.id) === container) {
    await pause(PERIOD_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    before = sample(room, container, before);
    emit(before);
    if (!stream) return;
  }
}
