// The volume part of the engine: what the API and the container verbs call; each verb has its own file. Runs in the daemon.

import type { VolumeBackend } from '../../api/backend.ts';
import type { Filters, VolumeCreateBody } from '../../api/types.ts';
import { copyUp } from './copy-up.ts';
import { create, type WantedVolume } from './create.ts';
import { list, usage } from './list.ts';
import { prune, remove } from './remove.ts';
import { bodyOf, usersOf, type VolumeRoom } from './room.ts';
import type { VolumeRecord } from './store.ts';

export class Volumes implements VolumeBackend {
  readonly #room: VolumeRoom;

  constructor(room: VolumeRoom) {
    this.#room = room;
  }

  async create(body: VolumeCreateBody): Promise<object> {
    const { Name, Driver, DriverOpts, Labels } = body;
    return bodyOf(this.#room, create(this.#room, { name: Name, driver: Driver, options: DriverOpts, labels: Labels }));
  }

  async inspect(name: string): Promise<object> {
    return bodyOf(this.#room, this.#room.store.get(name));
  }

  async list(filters: Filters): Promise<{ Volumes: object[]; Warnings: string[] | null }> {
    return { Volumes: list(this.#room, filters), Warnings: null };
  }

  async remove(name: string, options: { force: boolean }): Promise<void> {
    remove(this.#room, name, options);
  }

  async prune(options: { filters: Filters; all: boolean }): Promise<object> {
    return prune(this.#room, options);
  }

  /** For a container: the volume, made where it is missing. `made`: it was. */
  want(wanted: WantedVolume): { volume: VolumeRecord; path: string; made: boolean } {
    const made = !wanted.name || this.#room.store.find(wanted.name) === undefined;
    const volume = create(this.#room, wanted);
    return { volume, path: this.#room.store.path(volume.name), made };
  }

  copyUp(layers: string[], places: { from: string; to: string }): Promise<void> {
    return copyUp(layers, places);
  }

  /** A container is gone: removes those of its anonymous volumes that no other has. */
  released(names: string[]): void {
    for (const name of names) {
      if (this.#room.store.find(name) && usersOf(this.#room, name).length === 0)
        remove(this.#room, name, { force: true });
    }
  }

  usage(): object[] {
    return usage(this.#room);
  }

  get problems(): string[] {
    return this.#room.store.problems;
  }

  get count(): number {
    return this.#room.store.list().length;
  }
}
