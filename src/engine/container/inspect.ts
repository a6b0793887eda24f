// `inspect`: Docker's body for one container. Runs in the daemon. moby: daemon/inspect.go.

import { join } from 'node:path';
import type { Container } from './container.ts';
import { logPath } from './logs.ts';
import { endpoints, networkSettings } from './network-view.ts';
import type { Room } from './room.ts';
import { runtimeDirectory } from './runtime-directory.ts';

export function inspect(room: Room, container: Container, { size }: { size: boolean }): object {
  const { record, state } = container;
  const runtime = runtimeDirectory(room, record.id);
  const usage = size ? room.snapshots.usage(record.id, record.diffIDs) : undefined;
  const execIds = room.execs.open(container);
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: {
      Status: state.status,
      Running: container.running,
      Paused: state.status === 'paused',
      Restarting: state.status === 'restarting',
      OOMKilled: state.oomKilled,
      Dead: state.status === 'dead',
      Pid: state.pid,
      ExitCode: state.exitCode,
      Error: state.error,
      StartedAt: state.startedAt,
      FinishedAt: state.finishedAt,
      ...(state.health === undefined ? {} : { Health: state.health }),
    },
    Image: record.imageId,
    ResolvConfPath: join(runtime, 'resolv.conf'),
    HostnamePath: join(runtime, 'hostname'),
    HostsPath: join(runtime, 'hosts'),
    LogPath: record.hostConfig.LogConfig?.Type === 'json-file' ? logPath(container) : '',
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: 'overlay2',
    Platform: record.platform,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: record.hostConfig,
    GraphDriver: { Name: 'overlay2', Data: null },
    ...(usage === undefined ? {} : { SizeRw: usage.writable, SizeRootFs: usage.writable + usage.image }),
    Mounts: record.mounts,
    Config: record.config,
    NetworkSettings: {
      ...networkSettings(container),
      Networks: endpoints(room.networks.store, container),
    },
  };
}
