// punnet-runc delete: what a stopped container holds is given back; with --force a running one is killed first, and none at all
// is no error.

import { conflict, PunnetError } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import type { Call } from './commands.ts';
import { destroy } from './destroy.ts';
import type { Settings } from './settings.ts';
import { statusOf } from './status.ts';
import { forget, hold, mustRead, readConfig, readRecord, type ContainerRecord } from './store.ts';

export function remove({ settings, flags, args: [id = ''] }: Call): number {
  const force = flags.bool('force');
  try {
    const held = hold(settings.root, id);
    if (force) forceAway(settings, id);
    else deleteStopped(settings, mustRead(settings.root, id));
    held.release();
    return 0;
  } catch (error) {
    if (force && error instanceof PunnetError && error.kind === 'notFound') return 0;
    throw error;
  }
}

/* Also what has no readable record: a crash of the machine may leave half a file. */
function forceAway(settings: Settings, id: string): void {
  let record: ContainerRecord | undefined;
  try {
    record = readRecord(settings.root, id);
  } catch (error) {
    if (!(error instanceof PunnetError)) throw error;
  }
  if (record) destroy(settings, record, configOf(settings, id));
  else forget(settings.root, id);
}

function deleteStopped(settings: Settings, record: ContainerRecord): void {
  const status = statusOf(settings.root, record);
  // One that was never started has nothing to lose.
  if (status !== 'stopped' && status !== 'created') {
    throw conflict(`cannot delete container ${record.id} that is not stopped: ${status}`);
  }
  destroy(settings, record, configOf(settings, record.id));
}

function configOf(settings: Settings, id: string): Spec | undefined {
  try {
    return readConfig(settings.root, id);
  } catch {
    return undefined; // A crash before it was kept: then no hook has run either.
  }
}
