// One exec: a further process of a running container. What was asked for, and what became of it. While it runs it has a runtime
// directory as a container has, with its record in it, so that the next daemon finds it. Runs in the daemon.

import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../../base/atomic-file.ts';
import type { Container } from '../container/container.ts';
import type { Shim } from '../container/shim.ts';

export interface ExecRecord {
  /** 64 hex digits */
  id: string;
  /** the container's */
  containerId: string;
  /** program and arguments */
  command: string[];
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  privileged: boolean;
  /** as --user; empty: the container's own */
  user: string;
  /** added to the container's */
  env: string[];
  /** absolute; empty: the container's own */
  cwd: string;
  /** raw bytes as latin1 text; undefined: Docker's own */
  detachKeys?: string;
  /** rows, columns */
  size?: [number, number];
}

export class Exec {
  readonly record: ExecRecord;
  readonly container: Container;
  /** holds plan, record and what the shim writes */
  readonly directory: string;
  running = false;
  /** null until it has ended, or failed to start */
  exitCode: number | null = null;
  /** as the daemon sees it; 0 when it never ran */
  pid = 0;
  shim: Shim | undefined;
  /** it runs, or will never */
  readonly begun: Promise<void>;
  /** exitCode is known */
  readonly ended: Promise<void>;
  #begin!: () => void;
  #end!: () => void;

  constructor(container: Container, record: ExecRecord, directory: string) {
    this.container = container;
    this.record = record;
    this.directory = directory;
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  get id(): string {
    return this.record.id;
  }

  /** As events name it. */
  get commandText(): string {
    const [entrypoint = '', ...args] = this.record.command;
    return `${entrypoint} ${args.join(' ')}`;
  }

  /** Its directory, with the record in it. */
  makeDirectory(): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeJsonAtomic(recordFile(this.directory), this.record);
  }

  runs(shim: Shim, pid: number): void {
    Object.assign(this, { shim, pid, running: true });
    this.#begin();
  }

  ends(exitCode: number): void {
    Object.assign(this, { exitCode, running: false });
    this.#begin();
    this.#end();
  }

  /** Deletes what it left, once its shim is gone. */
  async sweep(): Promise<void> {
    await this.shim?.gone;
    await rm(this.directory, { recursive: true, force: true });
  }
}

const recordFile = (directory: string) => join(directory, 'exec.json');

/** The record in a runtime directory; undefined when it is not that of an exec. @throws internal when it is corrupt */
export function readExecRecord(directory: string): ExecRecord | undefined {
  return readJson<ExecRecord>(recordFile(directory));
}
