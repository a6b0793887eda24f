// Execs that an earlier daemon started: those that still run are found again, those that ended meanwhile keep their exit code
// for whoever asks. Runs in the daemon, once, before it listens.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { exitFile, readExit, readPids } from '../container/exit-file.ts';
import type { Room } from '../container/room.ts';
import { shimSocket } from '../container/runtime-directory.ts';
import { LOST, Shim } from '../container/shim.ts';
import { Exec, readExecRecord } from './exec.ts';
import { watch } from './start.ts';

/** After the containers: an exec belongs to one that runs. */
export async function recoverExecs(room: Room): Promise<void> {
  for (const name of readdirSync(room.runtimeDirectory)) {
    try {
      await recoverExec(room, join(room.runtimeDirectory, name));
    } catch (error) {
      room.log(`exec ${name}: ${messageOf(error)}`);
    }
  }
}

async function recoverExec(room: Room, directory: string): Promise<void> {
  const record = readExecRecord(directory);
  const container = record && room.store.find(record.containerId);
  if (container === undefined || !container.running) return;
  const exec = new Exec(container, record!, directory);
  room.execs.add(exec);
  const exit = exitFile(directory);
  const shim = await Shim.find(shimSocket(room, exec.id), exit).catch(() => undefined);
  if (shim !== undefined && (await isStarted(shim))) {
    exec.runs(shim, readPids(directory)?.init ?? 0);
    watch(room, exec);
  } else {
    exec.ends((readExit(exit) ?? LOST).exitCode);
  }
}

function isStarted(shim: Shim): Promise<boolean> {
  return shim.started.then(
    () => true,
    () => false,
  );
}
