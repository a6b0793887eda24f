// `start`: plan, shim, attached clients, and only then execve. Runs in the daemon. moby: daemon/start.go.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExplainedOp } from '../../base/explained-op.ts';
import { PunnetError, conflict, internal, messageOf, notModified } from '../../base/errors.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { checkLinkedRun, linkedContainers, linkEnvironment, linkLines } from '../network/links.ts';
import { closePorts, forwardPorts, openPorts, type OpenPort } from '../network/ports.ts';
import type { NetworkState } from '../network/record.ts';
import { allocate, attach, joinedContainer, release } from '../network/sandbox.ts';
import type { Container } from './container.ts';
import { exitFile } from './exit-file.ts';
import { watchExit } from './exit.ts';
import { prepareLog } from './log-config.ts';
import { writeNetworkFiles } from './network-files.ts';
import { NEVER } from './record.ts';
import { removeNow } from './remove.ts';
import type { JoinedNetwork, Prepared, Room } from './room.ts';
import { runtimeDirectory, shimSocket } from './runtime-directory.ts';
import { PlanFailure, Shim, type ShimOptions } from './shim.ts';
import { explainFailure } from './start-error.ts';

export interface StartOptions {
  /** resolve to the ops that ran */
  explain?: boolean;
}

/** Milliseconds after a start in which a client asks for more. */
const IDLE = 50;

type StartResult = ExplainedOp[] | undefined;

/** @throws notModified when it runs already; PunnetError with Docker's texts when it does not start */
export function start(room: Room, container: Container, options: StartOptions = {}): Promise<StartResult> {
  return container.exclusive(async () => {
    const { status } = container.state;
    if (status === 'paused') throw conflict('cannot start a paused container, try unpause instead');
    if (status === 'running') throw notModified('container is already started');
    if (status === 'removing' || status === 'dead') {
      throw conflict('container is marked for removal and cannot be started');
    }
    container.cancelRestart?.();
    return startNow(room, container, { manual: true, ...options });
  });
}

/** The start itself; the caller holds the container. `manual`: a client asked, so a restart policy begins anew. */
export async function startNow(
  room: Room,
  container: Container,
  { manual, explain }: { manual: boolean } & StartOptions,
): Promise<StartResult> {
  if (manual) {
    container.backoff = 0;
    container.state.manuallyStopped = false;
    container.state.restartCount = 0;
  }
  // A shim that has told the exit may still hold the old mounts; overlayfs wants the writable layer for one mount at a time.
  await container.shim?.gone;
  let ops: StartResult;
  try {
    ops = await launch(room, container, { explain });
  } catch (error) {
    await failed(room, container, error);
  }
  room.publish(container, 'start');
  return ops;
}

async function launch(room: Room, container: Container, { explain }: StartOptions): Promise<StartResult> {
  const target = joinedContainer(room.networks, container);
  checkLinkedRun(room.store, container);
  const joins = target && { pid: target.state.pid, directory: runtimeDirectory(room, target.id) };
  const network = allocate(room.networks, container);
  let ports: OpenPort[] = [];
  try {
    if (network) ports = openPorts(room.networks, container, network);
    return await launchIn(room, container, { explain, network, ports, joins });
  } catch (error) {
    closePorts(ports);
    release(room.networks, container, network);
    throw error;
  }
}

interface LaunchOptions extends StartOptions {
  network: NetworkState | undefined;
  /** published, and not yet handed over */
  ports: OpenPort[];
  joins: JoinedNetwork | undefined;
}

async function launchIn(room: Room, container: Container, options: LaunchOptions): Promise<StartResult> {
  const { explain, network, ports, joins } = options;
  const { record } = container;
  const directory = runtimeDirectory(room, container.id);
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const linked = linkedContainers(room.store, container);
  writeNetworkFiles(directory, record, { network, linked: linkLines(linked) });
  const config = { ...record.config, Env: [...linkEnvironment(linked, record.name), ...(record.config.Env ?? [])] };
  const prepared = await room.launcher.prepare({ ...record, config }, directory, joins);
  writeFileSync(join(directory, 'plan'), prepared.plan, { mode: 0o600 });
  forgetLastRun(container, directory);
  const shim = await Shim.spawn(room.shims, { ...shimOptions(room, container), explain });
  const before = { ...container.state };
  const running = {
    status: 'running' as const,
    pid: 0,
    startedAt: rfc3339(nowNanoseconds()),
    error: '',
    exitCode: 0,
    oomKilled: false,
    network,
  };
  const release = () => {
    // Before START: should the daemon die in between, its successor finds a container that was meant to run.
    container.foretell(running);
    return shim.start();
  };
  try {
    // Where nothing is to be done between READY and START, the shim finds START when it has come so far.
    const early = network === undefined && container.attaching.size === 0 ? release() : undefined;
    const pid = await shim.ready;
    if (network) {
      await attach(room.networks, container, { state: network, pid });
      await forwardPorts(room.networks, container, { state: network, open: ports });
    }
    // Before START: a client that attached sees the first byte of output.
    while (container.attaching.size > 0) {
      const clients = [...container.attaching];
      container.attaching.clear();
      await Promise.all(clients.map((client) => client.join(shim)));
    }
    container.shim = shim;
    Object.assign(container.state, running, { pid });
    await (early ?? release());
  } catch (error) {
    shim.close();
    container.state = before;
    throw explained(error, prepared);
  }
  watchExit(room, container, shim);
  room.health.begin(container);
  // By and by: now its client has more questions.
  room.shims.prepare(IDLE);
  return explain ? prepared.explain(readFileSync(join(directory, 'report'), 'utf8'), container.state.pid) : undefined;
}

/** What the shim of an earlier run left must not be taken for news of this one. */
function forgetLastRun(container: Container, directory: string): void {
  if (container.state.startedAt === NEVER) return;
  for (const name of ['pid', 'report', 'exit']) rmSync(join(directory, name), { force: true });
}

function shimOptions(room: Room, container: Container): ShimOptions {
  const { config, hostConfig } = container.record;
  const [rows, columns] = hostConfig.ConsoleSize ?? [0, 0];
  const directory = runtimeDirectory(room, container.id);
  return {
    directory,
    exitFile: exitFile(directory),
    socket: shimSocket(room, container.id),
    tty: container.tty,
    holdsRoot: true,
    stdin: config.OpenStdin !== true ? 'null' : config.StdinOnce === true ? 'once' : 'open',
    log: prepareLog(container, directory),
    ...(rows > 0 && columns > 0 ? { size: { rows, columns } } : {}),
  };
}

/** An error that carries the exit code which Docker gives the container for it. */
class StartError extends PunnetError {
  readonly exitCode: number;

  constructor(kind: 'invalidArgument' | 'internal', message: string, details: { exitCode: number; cause: unknown }) {
    super(kind, message, { cause: details.cause });
    this.exitCode = details.exitCode;
  }
}

function explained(error: unknown, prepared: Prepared): unknown {
  if (!(error instanceof PlanFailure)) return error;
  const { message, exitCode } = explainFailure(prepared.op(error.index), error.errno, {
    verb: 'start',
    isThere: prepared.isThere,
  });
  return new StartError(exitCode === 128 ? 'internal' : 'invalidArgument', message, { exitCode, cause: error });
}

async function failed(room: Room, container: Container, error: unknown): Promise<never> {
  const message = messageOf(error);
  const exitCode = error instanceof StartError ? error.exitCode : 128;
  for (const client of container.attaching) client.cancel();
  container.attaching.clear();
  container.state.error = message;
  container.state.exitCode = exitCode;
  container.state.pid = 0;
  if (container.state.status === 'restarting') container.state.status = 'exited';
  try {
    await room.launcher.finish(container.record);
    if (container.record.hostConfig.AutoRemove === true) {
      await removeNow(room, container, { volumes: true });
    } else {
      container.change({});
    }
  } catch (second) {
    room.log(`after the failed start of ${container.id}: ${messageOf(second)}`);
  }
  throw error instanceof PunnetError ? error : internal(message, { cause: error });
}
