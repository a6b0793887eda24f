// One container in memory: its record, its state, its shim while it runs, and who waits for it.
// Runs in the daemon. Changes of state go through here, so that disk, waiters and memory agree.

import type { ContainerRecord, ContainerState } from './record.ts';
import { appendState, writeContainer } from './record-file.ts';
import type { Link } from './link.ts';
import type { Shim } from './shim.ts';
import { Waiters } from './waiters.ts';

export class Container {
  readonly directory: string;
  readonly waiters = new Waiters();
  /** clients that attached before the start */
  readonly attaching = new Set<Link>();
  record: ContainerRecord;
  state: ContainerState;
  shim: Shim | undefined;
  /** ends the pause before a restart early; set while status is `restarting` */
  cancelRestart: (() => void) | undefined;
  /** a restart asked for by a client is between its stop and its start: no auto-removal */
  restarting = false;
  /** rounds of the restart policy so far, and its present pause in milliseconds */
  backoff = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, record: ContainerRecord, state: ContainerState) {
    this.directory = directory;
    this.record = record;
    this.state = state;
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  /** True from the start to the exit, also in the pauses of a restart policy (as Docker counts it). */
  get running(): boolean {
    return ['running', 'paused', 'restarting'].includes(this.state.status);
  }

  /** True while its first process is there, be it paused. */
  get alive(): boolean {
    return this.state.status === 'running' || this.state.status === 'paused';
  }

  get tty(): boolean {
    return this.record.config.Tty === true;
  }

  /** Runs `work` after all work that was queued before it: start, exit, remove and rename of one container never overlap. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Changes the state in memory and on disk. */
  change(change: Partial<ContainerState>): void {
    Object.assign(this.state, change);
    appendState(this.directory, this.record, this.state);
  }

  /** Puts a change on disk that comes true in a moment, so that whoever comes after a crash looks for what became of it. */
  foretell(change: Partial<ContainerState>): void {
    appendState(this.directory, this.record, { ...this.state, ...change });
  }

  saveRecord(): void {
    writeContainer(this.directory, this.record, this.state);
  }
}
