// `kill`: a signal for init; with SIGKILL the answer waits for the end. Runs in the daemon. moby: daemon/kill.go.

import { internal, messageOf } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { unpauseNow } from './pause.ts';
import type { Room } from './room.ts';
import { checkSignal, parseSignal } from '../../base/signal.ts';
import { nextEnd, requireRunning, within } from './stop.ts';

const SIGKILL = 9;

/** @throws invalidArgument for an unknown signal, conflict when it does not run */
export async function kill(room: Room, container: Container, text: string): Promise<void> {
  const signal = checkSignal(parseSignal(text));
  requireRunning(container);
  if (signal === SIGKILL) await killNow(room, container);
  else signalNow(room, container, signal);
}

/** Kills it and resolves when it has ended. @throws internal when it has not, ten seconds later */
export async function killNow(room: Room, container: Container): Promise<void> {
  if (!container.running) return;
  const ended = nextEnd(container);
  signalNow(room, container, SIGKILL);
  if (await within(ended, 10_000)) return;
  throw internal('tried to kill container, but did not receive an exit event');
}

/** Sends the signal and tells it. A container between two runs of its restart policy is stopped by not running again. */
export function signalNow(room: Room, container: Container, signal: number): void {
  const stops = container.record.config.StopSignal;
  const ends = signal === SIGKILL || stops === undefined || stops === '' || parseSignal(stops) === signal;
  if (ends) container.change({ manuallyStopped: true });
  if (container.state.status === 'restarting') {
    container.cancelRestart?.();
    container.change({ status: 'exited' });
    container.waiters.exited({ StatusCode: container.state.exitCode });
  } else {
    container.shim?.signal(signal);
  }
  room.publish(container, 'kill', { signal: String(signal) });
  // What is frozen takes no signal but SIGKILL until it goes on.
  if (ends && container.state.status === 'paused') {
    void unpauseNow(room, container).catch((error: unknown) =>
      room.log(`unpause ${container.id}: ${messageOf(error)}`),
    );
  }
}
