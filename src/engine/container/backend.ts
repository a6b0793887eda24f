// The container half of what the API calls: finds the container, hands it to the verb. Runs in the daemon.

import type { Duplex } from 'node:stream';
import type { AttachOptions, CommitOptions, ContainerBackend, LogOptions } from '../../api/backend.ts';
import type { CreateBody, FileStatBody, Filters, UpdateBody } from '../../api/types.ts';
import { attach } from './attach.ts';
import { archive, extract, statFile } from './copy.ts';
import { commit } from './commit.ts';
import { create } from './create.ts';
import { diff } from './diff.ts';
import { exportRoot } from './export.ts';
import { inspect } from './inspect.ts';
import { kill } from './kill.ts';
import { list, type ListOptions } from './list.ts';
import { readLogs } from './logs.ts';
import { pause, unpause } from './pause.ts';
import { prune } from './prune.ts';
import { remove, type RemoveOptions } from './remove.ts';
import { rename } from './rename.ts';
import { resize } from './resize.ts';
import { restart } from './restart.ts';
import type { Room } from './room.ts';
import { start } from './start.ts';
import { stop, type StopOptions } from './stop.ts';
import { top } from './top.ts';
import { update } from './update.ts';
import { wait, type WaitOptions } from './wait.ts';
import type { WaitResult } from './waiters.ts';
import { watchStats, type StatsOptions } from './watch-stats.ts';

export class Containers implements ContainerBackend {
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  async create(body: CreateBody, options: { name?: string; platform?: string }) {
    return create(this.#room, body, options);
  }

  start(id: string, { explain }: { explain?: boolean } = {}) {
    return start(this.#room, this.#room.store.get(id), { explain });
  }

  async stop(id: string, options: StopOptions): Promise<void> {
    await stop(this.#room, this.#room.store.get(id), options);
  }

  async restart(id: string, options: StopOptions): Promise<void> {
    await restart(this.#room, this.#room.store.get(id), id, options);
  }

  async kill(id: string, signal: string): Promise<void> {
    await kill(this.#room, this.#room.store.get(id), signal);
  }

  async pause(id: string): Promise<void> {
    await pause(this.#room, this.#room.store.get(id));
  }

  async unpause(id: string): Promise<void> {
    await unpause(this.#room, this.#room.store.get(id));
  }

  async top(id: string, options: string): Promise<object> {
    return top(this.#room, this.#room.store.get(id), options);
  }

  async stats(id: string, options: StatsOptions): Promise<void> {
    await watchStats(this.#room, this.#room.store.get(id), options);
  }

  async update(id: string, body: UpdateBody): Promise<{ Warnings: string[] }> {
    return update(this.#room, this.#room.store.get(id), body);
  }

  prune(filters: Filters): Promise<object> {
    return prune(this.#room, filters);
  }

  async remove(id: string, options: RemoveOptions): Promise<void> {
    await remove(this.#room, this.#room.store.get(id), id, options);
  }

  async rename(id: string, name: string): Promise<void> {
    await rename(this.#room, this.#room.store.get(id), name);
  }

  async resize(id: string, size: { rows: number; columns: number }): Promise<void> {
    resize(this.#room, this.#room.store.get(id), size);
  }

  async inspect(id: string, options: { size: boolean }): Promise<object> {
    return inspect(this.#room, this.#room.store.get(id), options);
  }

  list(options: ListOptions): Promise<object[]> {
    return list(this.#room, options);
  }

  async wait(id: string, options: WaitOptions): Promise<WaitResult> {
    return wait(this.#room.store.get(id), options);
  }

  async isTty(id: string): Promise<boolean> {
    return this.#room.store.get(id).tty;
  }

  attach(id: string, options: AttachOptions, open: () => Duplex): Promise<void> {
    return attach(this.#room, id, options, open);
  }

  async logs(id: string, options: LogOptions, sink: NodeJS.WritableStream): Promise<void> {
    await readLogs(this.#room, this.#room.store.get(id), options, sink);
  }

  async statFile(id: string, path: string): Promise<FileStatBody> {
    return statFile(this.#room, this.#room.store.get(id), { id, path });
  }

  async archive(id: string, path: string, options: Parameters<ContainerBackend['archive']>[2]): Promise<void> {
    await archive(this.#room, this.#room.store.get(id), { id, path }, options);
  }

  async extract(id: string, path: string, options: Parameters<ContainerBackend['extract']>[2]): Promise<void> {
    await extract(this.#room, this.#room.store.get(id), { id, path }, options);
  }

  async export(id: string, options: Parameters<ContainerBackend['export']>[1]): Promise<void> {
    await exportRoot(this.#room, this.#room.store.get(id), options);
  }

  async diff(id: string): Promise<object[] | null> {
    return diff(this.#room, this.#room.store.get(id));
  }

  async commit(id: string, options: CommitOptions): Promise<string> {
    return commit(this.#room, this.#room.store.get(id), options);
  }
}
