// What a container is doing, read from the kernel each time: the record alone would lie after a crash. runtime.md#state

import { closeSync, openSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';
import { pidfdOpen, pidfdSendSignal } from '../../native/addon.ts';
import * as k from '../../native/constants.ts';
import { isAlive, type ProcessIdentity } from '../../native/process-identity.ts';
import { isFrozen } from '../cgroup.ts';
import { fifoOf, type ContainerRecord } from './store.ts';

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

export function statusOf(root: string, { id, init, cgroup }: ContainerRecord): Status {
  if (!init || !isAlive(init)) return 'stopped';
  const fifo = openFifo(fifoOf(root, id));
  if (fifo !== undefined) {
    closeSync(fifo);
    return cgroup !== undefined && isFrozen(cgroup) ? 'paused' : 'created';
  }
  return cgroup !== undefined && isFrozen(cgroup) ? 'paused' : 'running';
}

/** The writing end of a FIFO that a process waits on; undefined when none does, be it started or gone. */
export function openFifo(path: string): number | undefined {
  try {
    return openSync(path, k.O_WRONLY | k.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENXIO') return undefined;
    throw error;
  }
}

/** Sends a signal to exactly this process. False when it is gone. @throws the errno of pidfd_send_signal(2) */
export function signalProcess(process: ProcessIdentity, signal: number): boolean {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(process.pid);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
  try {
    // Only now, because the descriptor keeps the number from being given to another between the look and the signal.
    if (!isAlive(process)) return false;
    pidfdSendSignal(pidfd, signal);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  } finally {
    closeSync(pidfd);
  }
}
