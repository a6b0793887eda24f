// A RUN step as a container: made and started as any other, its image being what the stage has become; its writable layer is
// then the step's layer. Runs in the daemon. moby: daemon/builder/dockerfile/containerbackend.go

import { Duplex } from 'node:stream';
import type { CreateBody } from '../../api/types.ts';
import type { RunRequest, Workspace } from '../../build/host.ts';
import type { Digest } from '../../base/digest.ts';
import type { InitEntry } from '../../snapshot/init-layers.ts';
import type { Container } from '../container/container.ts';
import { create } from '../container/create.ts';
import { killNow } from '../container/kill.ts';
import { Link } from '../container/link.ts';
import type { MountPoint } from '../container/record.ts';
import { remove } from '../container/remove.ts';
import type { Room } from '../container/room.ts';
import { start } from '../container/start.ts';

export interface RunTools {
  room: Room;
  /** makes the writable layer `key`, with mount points that are no change of the container's */
  prepare(key: string, diffIDs: Digest[], mountPoints: InitEntry[]): void;
  /** the writable layer of an ended container */
  workspace(key: string): Workspace;
}

const STREAMS = {
  tty: false,
  framed: true,
  stdin: false,
  stdinOnce: false,
  stdout: true,
  stderr: true,
  detachKeys: undefined,
};

/** Runs the step to its end. @throws PunnetError with Docker's texts when it does not start; the signal's reason */
export async function run(tools: RunTools, request: RunRequest): Promise<{ exitCode: number; workspace: Workspace }> {
  const { room } = tools;
  const container = await createFor(tools, request);
  const give = () => remove(room, container, container.id, { force: true, volumes: true, link: false });
  try {
    request.signal.throwIfAborted();
    request.started(container.id);
    const output = new Link(new Output(request), STREAMS);
    container.attaching.add(output);
    const ended = new Promise<number>((resolve) => container.waiters.onExit(({ StatusCode }) => resolve(StatusCode)));
    await start(room, container);
    const stop = () => void killNow(room, container).catch(() => {}); // it has ended, or the removal below tells
    request.signal.addEventListener('abort', stop, { once: true });
    if (request.signal.aborted) stop();
    const exitCode = await ended;
    request.signal.removeEventListener('abort', stop);
    await output.done;
    // Its mounts end with it; until then the writable layer is not ours.
    await container.shim?.gone;
    request.signal.throwIfAborted();
    return { exitCode, workspace: withRemoval(tools.workspace(container.id), give) };
  } catch (error) {
    await give().catch((failure: unknown) => room.log(`remove ${container.id}: ${String(failure)}`));
    throw error;
  }
}

/** The container goes with its writable layer. */
function withRemoval(workspace: Workspace, give: () => Promise<void>): Workspace {
  return {
    ...workspace,
    discard: async () => {
      await workspace.discard();
      await give();
    },
  };
}

async function createFor(tools: RunTools, request: RunRequest): Promise<Container> {
  const { room } = tools;
  const { layers, config, platform } = request;
  const diffIDs = layers.map(({ diffID }) => diffID);
  const image = {
    id: diffIDs.at(-1) ?? NOTHING,
    config: { ...platform, config, rootfs: { type: 'layers' as const, diff_ids: diffIDs } },
    diffIDs,
  };
  const mountPoints = request.mounts.map(({ kind, target }): InitEntry => {
    return { path: target, type: kind === 'file' ? 'file' : 'directory' };
  });
  const stepRoom: Room = {
    ...room,
    images: { resolve: () => image },
    snapshots: { ...room.snapshots, prepare: (key, stack) => tools.prepare(key, stack, mountPoints) },
  };
  const { Id } = await create(stepRoom, bodyOf(request), {});
  const container = room.store.get(Id);
  container.record.mounts.push(...request.mounts.flatMap(mountPoint));
  container.saveRecord();
  return container;
}

/** What a stage without layers is called. */
const NOTHING: Digest = `sha256:${'0'.repeat(64)}`;

function bodyOf({ command, environment, config, network, insecure, limits, mounts }: RunRequest): CreateBody {
  const tmpfs = mounts.flatMap((mount): [string, string][] => {
    if (mount.kind !== 'tmpfs') return [];
    const size = mount.size === undefined ? [] : [`size=${mount.size}`];
    return [[mount.target, ['exec', ...size, ...(mount.readOnly ? ['ro'] : [])].join(',')]];
  });
  return {
    Image: '',
    Entrypoint: [''],
    Cmd: command,
    Env: [...(config.Env ?? []), ...environment],
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      ...limits,
      NetworkMode: network || 'default',
      LogConfig: { Type: 'none' },
      Tmpfs: Object.fromEntries(tmpfs),
      ...(insecure && { Privileged: true }),
    },
  };
}

function mountPoint(mount: RunRequest['mounts'][number]): MountPoint[] {
  if (mount.kind === 'tmpfs') return [];
  const { source, target, readOnly } = mount;
  // Directories of the daemon's own, which are not looked for among the host's files.
  return [{ Type: 'volume', Name: '', Source: source, Destination: target, Mode: '', RW: !readOnly, Propagation: '' }];
}

/** The client of the container's streams: takes Docker's frames, which may come in pieces. */
class Output extends Duplex {
  readonly #request: RunRequest;
  #rest: Buffer = Buffer.alloc(0);

  constructor(request: RunRequest) {
    super();
    this.#request = request;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (data.length >= HEADER && data.length >= HEADER + data.readUInt32BE(4)) {
      const end = HEADER + data.readUInt32BE(4);
      this.#request.output(data[0] === 2 ? 'stderr' : 'stdout', data.subarray(HEADER, end));
      data = data.subarray(end);
    }
    this.#rest = data;
    done();
  }
}

const HEADER = 8;
