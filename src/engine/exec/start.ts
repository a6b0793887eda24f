// `exec`, its second half: plan, shim, the attached client, and only then execve. Runs in the daemon.
// moby: daemon/exec.go, ContainerExecStart.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { PunnetError, conflict, messageOf } from '../../base/errors.ts';
import { exitFile, isAlive, readPids } from '../container/exit-file.ts';
import { Link } from '../container/link.ts';
import { requireExecable } from '../container/require.ts';
import type { Room } from '../container/room.ts';
import { runtimeDirectory, shimSocket } from '../container/runtime-directory.ts';
import { PlanFailure, Shim } from '../container/shim.ts';
import { explainFailure } from '../container/start-error.ts';
import type { Exec } from './exec.ts';
import type { PreparedExec } from './planner.ts';

export interface StartExecOptions {
  /** what the client takes the stream for: one raw stream, or frames */
  tty: boolean;
  size?: [number, number];
}

/** What Docker gives an exec that failed to start for a reason of its own. */
const CANNOT_RUN = 126;

/** Starts it and lets it be. @throws notFound, conflict; PunnetError with Docker's texts when it does not start */
export async function startDetached(room: Room, id: string, options: StartExecOptions): Promise<void> {
  const exec = room.execs.get(id);
  requireExecable(exec.container);
  await run(room, exec, options);
}

/**
 * Checks, takes over the connection with `open`, and resolves when the two have parted. Why it did not start is the last
 * that the client reads, as in Docker. @throws notFound, conflict
 */
export async function startAttached(
  room: Room,
  id: string,
  options: StartExecOptions & { open(): Duplex },
): Promise<void> {
  const exec = room.execs.get(id);
  requireExecable(exec.container);
  const { record } = exec;
  const client = options.open();
  const link = new Link(client, {
    ...record,
    framed: !options.tty,
    stdinOnce: true,
    detachKeys: record.detachKeys,
    settled: exec.ended,
  });
  try {
    await run(room, exec, options, link);
  } catch (error) {
    const text = Buffer.from(`${messageOf(error)}\r\n`);
    client.write(options.tty ? text : Buffer.concat([header(text.length), text]));
    link.cancel();
    if (!(error instanceof PunnetError)) throw error;
  }
  await link.done;
  if (link.detached) room.publish(exec.container, 'exec_detach', { execID: id });
}

/** Resolves when it runs; a client is linked before its first byte. @throws PunnetError with Docker's texts */
export async function run(
  room: Room,
  exec: Exec,
  { size }: Pick<StartExecOptions, 'size'>,
  link?: Link,
): Promise<void> {
  if (exec.exitCode !== null) throw conflict(`exec command ${exec.id} has already run`);
  if (exec.running) throw conflict(`exec command ${exec.id} is already running`);
  exec.running = true;
  const { container, record } = exec;
  if (size !== undefined) record.size = size;
  room.publish(container, `exec_start: ${exec.commandText}`, { execID: exec.id });
  let prepared: PreparedExec | undefined;
  try {
    prepared = room.execPlanner.prepare(container.record, record, container.state.pid);
    await launch(room, exec, { plan: prepared.plan, link });
  } catch (error) {
    const { failure, exitCode } = explained(error, prepared);
    exec.ends(exitCode);
    void exec.sweep().catch((second: unknown) => room.log(`delete what exec ${exec.id} left: ${messageOf(second)}`));
    throw failure;
  }
  watch(room, exec);
}

async function launch(room: Room, exec: Exec, { plan, link }: { plan: Uint8Array; link?: Link }): Promise<void> {
  const { container, record, directory } = exec;
  exec.makeDirectory();
  writeFileSync(join(directory, 'plan'), plan, { mode: 0o600 });
  const [rows, columns] = record.size ?? [0, 0];
  const shim = await Shim.spawn(room.shims, {
    directory,
    exitFile: exitFile(directory),
    socket: shimSocket(room, exec.id),
    tty: record.tty,
    stdin: record.stdin ? 'once' : 'null',
    ...(rows > 0 && columns > 0 ? { size: { rows, columns } } : {}),
  });
  exec.shim = shim;
  try {
    const pid = await shim.ready;
    // Now that it is in the namespaces of a process: that this was the container's first, and no other that got its number.
    const first = readPids(runtimeDirectory(room, container.id));
    if (first === undefined || first.init !== container.state.pid || !isAlive(first.init, first.initStart)) {
      throw conflict(`container ${container.id} is not running`);
    }
    await link?.join(shim);
    await shim.start();
    exec.runs(shim, pid);
  } catch (error) {
    shim.close();
    throw error;
  }
}

/** Handles the end of an exec that runs, whenever it comes. */
export function watch(room: Room, exec: Exec): void {
  void exec
    .shim!.exit.then(async ({ exitCode }) => {
      exec.ends(exitCode);
      room.publish(exec.container, 'exec_die', { execID: exec.id, exitCode: String(exitCode) });
      await exec.sweep();
    })
    .catch((error: unknown) => room.log(`exit of exec ${exec.id}: ${messageOf(error)}`));
}

function explained(error: unknown, prepared: PreparedExec | undefined): { failure: unknown; exitCode: number } {
  if (!(error instanceof PlanFailure) || prepared === undefined) return { failure: error, exitCode: CANNOT_RUN };
  const op = prepared.op(error.index);
  const { message, exitCode } = explainFailure(op, error.errno, { isThere: prepared.isThere, verb: 'exec' });
  const kind = exitCode === CANNOT_RUN || exitCode === 127 ? 'invalidArgument' : 'internal';
  return { failure: new PunnetError(kind, message, { cause: error }), exitCode };
}

/** Of a frame of standard output. */
function header(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = 1;
  bytes.writeUInt32BE(length, 4);
  return bytes;
}
