// What the verbs of volumes work with. Types, and what several of them say. Runs in the daemon.

import type { MountPoint } from '../container/record.ts';
import type { EventBus } from '../events.ts';
import type { VolumeRecord, VolumeStore } from './store.ts';

export interface VolumeRoom {
  store: VolumeStore;
  events: EventBus;
  /** every container, running or not */
  containers(): { id: string; mounts: readonly MountPoint[] }[];
  /** moves a directory out of sight, to be freed by and by */
  discard(path: string): void;
  /** bytes of a directory's files */
  sizeOf(path: string): number;
}

/** Ids of the containers that have a volume. */
export function usersOf(room: VolumeRoom, name: string): string[] {
  return room
    .containers()
    .filter(({ mounts }) => mounts.some((mount) => mount.Type === 'volume' && mount.Name === name))
    .map(({ id }) => id);
}

export function publish(room: VolumeRoom, action: string, name: string): void {
  room.events.publish('volume', action, { ID: name, Attributes: { driver: 'local' } });
}

/** Docker's body of a volume. */
export function bodyOf(room: VolumeRoom, volume: VolumeRecord): object {
  const { name, created, labels, options } = volume;
  return {
    CreatedAt: created,
    Driver: 'local',
    Labels: volume.anonymous
      ? { 'com.docker.volume.anonymous': '', ...labels }
      : Object.keys(labels).length > 0
        ? labels
        : null,
    Mountpoint: room.store.path(name),
    Name: name,
    Options: options,
    Scope: 'local',
  };
}
