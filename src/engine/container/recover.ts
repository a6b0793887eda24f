// What a new daemon finds: containers that run on under their shims, containers that ended meanwhile, and what a crash left
// half-done. Each record ends in a state that is true. Runs in the daemon, once, before it listens.

import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { Container } from './container.ts';
import { exitFile, isAlive, readExit, readPids } from './exit-file.ts';
import { exited, watchExit } from './exit.ts';
import { recoverExecs } from '../exec/recover.ts';
import { readContainer } from './record-file.ts';
import { removeNow } from './remove.ts';
import type { Room } from './room.ts';
import { runtimeDirectory, shimSocket } from './runtime-directory.ts';
import { LOST, Shim } from './shim.ts';
import { startNow } from './start.ts';

const ID = /^[0-9a-f]{64}$/;

/** Loads every container and mends what it finds; each finding is a line of `report`. */
export async function recover(room: Room): Promise<{ report: string[] }> {
  const report: string[] = [];
  mkdirSync(room.runtimeDirectory, { recursive: true, mode: 0o700 });
  const loaded: Container[] = [];
  for (const id of readdirSync(room.directory).filter((name) => ID.test(name))) {
    const container = load(room, id, report);
    if (container === undefined) continue;
    room.store.add(container);
    loaded.push(container);
  }
  for (const container of loaded) {
    try {
      await settle(room, container, report);
    } catch (error) {
      report.push(`container ${container.id}: ${messageOf(error)}`);
    }
  }
  await recoverExecs(room);
  sweep(room, report);
  return { report };
}

/** Starts again what its restart policy wants running; called when the daemon listens. */
export function resume(room: Room): void {
  for (const container of room.store.all()) {
    const policy = container.record.hostConfig.RestartPolicy?.Name;
    const wanted = policy === 'always' || (policy === 'unless-stopped' && !container.state.manuallyStopped);
    const { status } = container.state;
    if (status !== 'restarting' && !(wanted && status === 'exited')) continue;
    void container
      .exclusive(() => startNow(room, container, { manual: false }))
      .catch((error: unknown) => room.log(`restart ${container.id}: ${messageOf(error)}`));
  }
}

function load(room: Room, id: string, report: string[]): Container | undefined {
  const directory = join(room.directory, id);
  try {
    const found = readContainer(directory);
    if (found === undefined) {
      // Its creation was cut short: the record is the first thing that is written.
      rmSync(directory, { recursive: true, force: true });
      report.push(`container ${id}: half-made, removed`);
      return undefined;
    }
    return new Container(directory, found.record, found.state);
  } catch (error) {
    // Kept as it is, for whoever can mend it.
    room.problems.push(`container ${id}: ${messageOf(error)}`);
    report.push(`container ${id}: ${messageOf(error)}`);
    return undefined;
  }
}

async function settle(room: Room, container: Container, report: string[]): Promise<void> {
  const { id, state } = container;
  const exit = exitFile(runtimeDirectory(room, id));
  const pids = readPids(runtimeDirectory(room, id));
  if (state.status === 'removing' || state.status === 'dead') {
    report.push(`container ${id}: removal was cut short, finished`);
    await container.exclusive(() => removeNow(room, container, { volumes: true }));
    return;
  }
  if (!container.alive && !(pids !== undefined && isAlive(pids.shim, pids.shimStart))) {
    // Between create and start of a `--rm` container whose client is gone: nobody is left to start it, but Docker keeps it.
    return;
  }
  const shim = await Shim.find(shimSocket(room, id), exit).catch(() => undefined);
  if (shim !== undefined && (await alive(shim))) {
    container.shim = shim;
    const pid = await shim.ready.catch(() => pids?.init ?? 0);
    const startedAt = container.alive ? state.startedAt : rfc3339(nowNanoseconds());
    container.change({ status: room.groups.isFrozen(id) ? 'paused' : 'running', pid, startedAt });
    if (container.state.status === 'running') room.health.watch(container);
    watchExit(room, container, shim);
    return;
  }
  if (!container.alive) return;
  const status = readExit(exit) ?? LOST;
  if (status === LOST) report.push(`container ${id}: its shim was killed, recorded as killed`);
  await container.exclusive(() => exited(room, container, { shim: undefined, status }));
}

/** A shim answers a connection with READY, and with STARTED when its container runs. */
async function alive(shim: Shim): Promise<boolean> {
  try {
    await shim.started;
    return true;
  } catch {
    return false;
  }
}

/** Deletes what removed containers left in the runtime directory. */
function sweep(room: Room, report: string[]): void {
  const owners = [...room.store.all(), ...room.execs.running()];
  const known = new Set(owners.map(({ id }) => runtimeDirectory(room, id)));
  for (const name of readdirSync(room.runtimeDirectory)) {
    const path = join(room.runtimeDirectory, name);
    if (known.has(path)) continue;
    rmSync(path, { recursive: true, force: true });
    report.push(`runtime directory ${name}: belongs to nothing that runs, removed`);
  }
}
