// `stop`: the stop signal, a time of grace, SIGKILL. Runs in the daemon. moby: daemon/stop.go.

import { conflict, notModified } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { killNow, signalNow } from './kill.ts';
import type { Room } from './room.ts';
import { checkSignal, parseSignal } from '../../base/signal.ts';

const GRACE = 10;

export interface StopOptions {
  signal?: string;
  /** seconds; negative: without end */
  timeout?: number;
}

/** @throws notModified when it does not run */
export async function stop(room: Room, container: Container, options: StopOptions): Promise<void> {
  if (!container.running) throw notModified('container is already stopped');
  await stopNow(room, container, options);
  room.publish(container, 'stop');
}

/** Resolves when the container has ended. @throws invalidArgument for an unknown signal */
export async function stopNow(room: Room, container: Container, options: StopOptions): Promise<void> {
  const signal = checkSignal(parseSignal(options.signal ?? (container.record.config.StopSignal || 'SIGTERM')));
  const seconds = options.timeout ?? container.record.config.StopTimeout ?? GRACE;
  const ended = nextEnd(container);
  signalNow(room, container, signal);
  if (await within(ended, seconds < 0 ? undefined : seconds * 1000)) return;
  await killNow(room, container);
}

/** Resolves when the container does not run any more. */
export function nextEnd(container: Container): Promise<void> {
  if (!container.running) return Promise.resolve();
  return new Promise((resolve) => container.waiters.onExit(() => resolve()));
}

/** True when it settled in time (milliseconds; undefined: as long as it takes). */
export async function within(promise: Promise<void>, milliseconds: number | undefined): Promise<boolean> {
  if (milliseconds === undefined) return promise.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(milliseconds, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws conflict "container … is not running" */
export function requireRunning(container: Container): void {
  if (!container.running) throw conflict(`container ${container.id} is not running`);
}
