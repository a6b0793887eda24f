// punnet-runc kill: a signal to the first process, through a descriptor of exactly that process; or to all. pidfd_send_signal(2)

import { constants } from 'node:os';
import { conflict, errnoOf, invalidArgument } from '../../base/errors.ts';
import { kill as killPid } from '../../native/addon.ts';
import { isNew } from '../compile/namespaces.ts';
import { killCgroup, processesOf } from '../cgroup.ts';
import type { Call } from './commands.ts';
import { signalProcess, statusOf } from './status.ts';
import { mustRead, readConfig } from './store.ts';

const SIGKILL = 9;

export function kill({ settings, flags, args: [id = '', word = 'SIGTERM'] }: Call): number {
  const signal = parseSignal(word);
  const record = mustRead(settings.root, id);
  if (flags.bool('all')) {
    signalAll(record.cgroup, signal);
    return 0;
  }
  const status = statusOf(settings.root, record);
  // Without a pid namespace of its own the others do not die with the first.
  const shared = signal === SIGKILL && !isNew(readConfig(settings.root, id), 'pid');
  if (shared) signalAll(record.cgroup, signal);
  if (status === 'stopped' || !record.init || (!signalProcess(record.init, signal) && !shared)) {
    throw conflict('container not running');
  }
  return 0;
}

/** `9`, `KILL`, `SIGKILL`, `sigkill`. @throws invalidArgument with runc's text */
export function parseSignal(word: string): number {
  if (/^\d+$/.test(word)) return Number(word);
  const name = word.toUpperCase();
  const number = (constants.signals as Record<string, number>)[name.startsWith('SIG') ? name : `SIG${name}`];
  if (number === undefined) throw invalidArgument(`unknown signal ${JSON.stringify(word)}`);
  return number;
}

function signalAll(cgroup: string | undefined, signal: number): void {
  if (cgroup === undefined) throw conflict('the container has no cgroup, so its processes are not known');
  if (signal === SIGKILL) return killCgroup(cgroup);
  for (const pid of processesOf(cgroup)) {
    try {
      killPid(pid, signal);
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw error;
    }
  }
}
