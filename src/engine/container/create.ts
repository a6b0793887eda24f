// `create`: checks, takes the rest from the image, writes the record and prepares the writable layer.
// Runs in the daemon. moby: daemon/create.go.

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ContainerConfigBody, CreateBody, HostConfigBody } from '../../api/types.ts';
import type { Digest } from '../../base/digest.ts';
import { PunnetError } from '../../base/errors.ts';
import { hostPath } from '../../rootless/host-path.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { hasOwnNetwork } from '../network/sandbox.ts';
import { checkLinks } from '../network/links.ts';
import { wantedPorts } from '../network/port-wishes.ts';
import { wantedEndpoints } from '../network/wish.ts';
import { checkShape } from './body-shape.ts';
import { Container } from './container.ts';
import { completeHostConfig } from './host-config.ts';
import { verifyLogConfig } from './log-config.ts';
import { commandLine, mergeImage } from './merge-image.ts';
import { wantedMounts, type WantedMount } from './mount-points.ts';
import { checkName } from './name.ts';
import { newState, type ContainerRecord, type MountPoint } from './record.ts';
import { inheritedMounts } from './volumes-from.ts';
import type { Room } from './room.ts';
import { refuseUnsupported } from './unsupported.ts';
import { verify } from './verify.ts';

/** @throws PunnetError with Docker's texts; nothing is left behind when it fails */
export async function create(
  room: Room,
  body: CreateBody,
  options: { name?: string; platform?: string },
): Promise<{ Id: string; Warnings: string[] }> {
  const { config, hostConfig, endpoints } = checkShape(body);
  refuseUnsupported(config, hostConfig);
  verifyLogConfig(hostConfig.LogConfig ?? {});
  if (options.name !== undefined) checkName(options.name);
  const warnings = verify(config, hostConfig, room.launcher.limits());
  const image = await room.images.resolve(config.Image ?? '', options.platform);
  const merged = mergeImage(config, image.config.config ?? {});
  const wanted = wantedMounts(merged, hostConfig, inheritedMounts(room, hostConfig.VolumesFrom ?? []));

  const completed = completeHostConfig(hostConfig);
  const networks = wantedEndpoints(room.networks.store, { mode: completed.NetworkMode!, endpoints, config });
  wantedPorts(config.ExposedPorts, hostConfig);
  checkLinks(room.store, hostConfig);
  if (hasOwnNetwork(completed.NetworkMode)) warnings.push(...room.networks.prepare());

  const id = newId();
  const name = room.store.reserveName(id, options.name);
  const volumes: string[] = [];
  try {
    const mounts = wanted.map((mount) => realise(room, mount, volumes));
    const record: ContainerRecord = {
      id,
      name,
      created: rfc3339(nowNanoseconds()),
      ...pathAndArguments(merged),
      config: completeConfig(merged, { id, host: hostConfig }),
      hostConfig: completed,
      imageId: image.id,
      diffIDs: image.diffIDs,
      platform: image.config.os,
      mounts,
      anonymousVolumes: volumes,
      endpoints: networks,
    };
    const directory = room.directories.make(record);
    await room.snapshots.prepare(id, image.diffIDs);
    await fillVolumes(room, wanted, record);
    const container = new Container(directory, record, newState());
    room.store.add(container);
    room.publish(container, 'create');
    room.shims.prepare();
  } catch (error) {
    room.store.releaseName(name, id);
    await undo(room, { id, volumes, diffIDs: image.diffIDs });
    throw error;
  }
  return { Id: id, Warnings: warnings };
}

interface Made {
  id: string;
  volumes: string[];
  diffIDs: Digest[];
}

/** Takes back a half-made container; what cannot be taken back goes to the daemon's log, not over the first error. */
async function undo(room: Room, made: Made): Promise<void> {
  try {
    room.directories.remove(made.id);
    room.volumes.released(made.volumes);
    await room.snapshots.remove(made.id, made.diffIDs);
  } catch (error) {
    room.log(`take back container ${made.id}: ${String(error)}`);
  }
}

/** 64 hex digits whose first twelve are not all decimal: a short id must not look like a number. */
function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

function pathAndArguments(config: ContainerConfigBody): { path: string; args: string[] } {
  const [path, ...args] = commandLine(config);
  return { path: path!, args };
}

/** The config as `inspect` shows it: every field, with its default. */
function completeConfig(
  config: ContainerConfigBody,
  { id, host }: { id: string; host: HostConfigBody },
): ContainerConfigBody {
  const shared = host.NetworkMode === 'host' || host.UTSMode === 'host';
  return {
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Image: '',
    ...config,
    Hostname: config.Hostname || (shared ? hostname() : id.slice(0, 12)),
  };
}

/** What the image has where a volume is mounted goes into the volume, if that is empty. */
async function fillVolumes(room: Room, wanted: WantedMount[], { id, mounts }: ContainerRecord): Promise<void> {
  for (const [index, { volume }] of wanted.entries()) {
    const { Source, Destination } = mounts[index]!;
    if (volume?.copy) await room.volumes.copyUp(room.snapshots.layers(id), { from: Destination, to: Source });
  }
}

/** Makes what the mount needs on the host. -v makes a missing source, as root of the namespace. */
function realise(room: Room, { point, create, volume: wanted }: WantedMount, volumes: string[]): MountPoint {
  if (wanted) {
    const { volume, path } = room.volumes.want(wanted);
    if (!wanted.name) volumes.push(volume.name);
    return { ...point, Name: volume.name, Source: path };
  }
  if (create) {
    try {
      mkdirSync(hostPath(point.Source), { recursive: true, mode: 0o755 });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // EEXIST: a file is there, which is as good a source as a directory.
      if (code !== 'EEXIST') {
        throw new PunnetError(
          'internal',
          `error while creating mount source path '${point.Source}': mkdir ${point.Source}: ${code}`,
          { cause: error },
        );
      }
    }
  }
  return point;
}
