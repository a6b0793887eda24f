// punnet-runc pause and resume: the freezer of the container's cgroup. cgroup-v2.rst cgroup.freeze

import { conflict } from '../../base/errors.ts';
import { isFrozen, setFrozen } from '../cgroup.ts';
import type { Call } from './commands.ts';
import { statusOf } from './status.ts';
import { hold, mustRead } from './store.ts';
import { pollUntil } from './wait.ts';

export function pause(call: Call): number {
  return change(call, true);
}

export function resume(call: Call): number {
  return change(call, false);
}

function change({ settings, args: [id = ''] }: Call, frozen: boolean): number {
  const held = hold(settings.root, id);
  const record = mustRead(settings.root, id);
  const status = statusOf(settings.root, record);
  if (frozen && status !== 'running' && status !== 'created') throw conflict('container not running or created');
  if (!frozen && status !== 'paused') throw conflict('container not paused');
  const { cgroup } = record;
  if (cgroup === undefined) throw conflict('the container has no cgroup, so it cannot be frozen');
  setFrozen(cgroup, frozen);
  if (!pollUntil(() => isFrozen(cgroup) === frozen)) throw conflict(`${cgroup} does not ${frozen ? 'freeze' : 'thaw'}`);
  held.release();
  return 0;
}
