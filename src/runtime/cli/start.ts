// punnet-runc start: a byte into the FIFO that the first process waits on.

import { closeSync, rmSync, writeSync } from 'node:fs';
import { conflict } from '../../base/errors.ts';
import type { Call } from './commands.ts';
import { runHooks } from './hooks.ts';
import { openFifo, statusOf } from './status.ts';
import { fifoOf, hold, mustRead, readConfig } from './store.ts';

export function start({ settings, args: [id = ''] }: Call): number {
  const held = hold(settings.root, id);
  const record = mustRead(settings.root, id);
  const fifo = fifoOf(settings.root, id);
  const writer = openFifo(fifo);
  if (writer === undefined) {
    const stopped = statusOf(settings.root, record) === 'stopped';
    throw conflict(stopped ? 'cannot start a container that has stopped' : 'cannot start an already running container');
  }
  writeSync(writer, '\0');
  closeSync(writer);
  rmSync(fifo);
  const spec = readConfig(settings.root, id);
  held.release();
  runHooks('poststart', spec, record, settings);
  return 0;
}
