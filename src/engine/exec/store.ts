// All execs in memory: those that were created, run, or ended a while ago, so that their exit code can be asked for.
// Runs in the daemon. moby: daemon/exec.go, containerExecGC.

import { notFound } from '../../base/errors.ts';
import type { Container } from '../container/container.ts';
import type { Exec } from './exec.ts';

/** How long an ended exec is remembered, in milliseconds: the least that Docker does. */
const REMEMBERED = 300_000;

export class ExecStore {
  readonly #byId = new Map<string, Exec>();

  /** @throws notFound with Docker's text */
  get(id: string): Exec {
    const exec = this.#byId.get(id);
    if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
    return exec;
  }

  add(exec: Exec): void {
    this.#byId.set(exec.id, exec);
    void exec.ended.then(() => setTimeout(() => this.#byId.delete(exec.id), REMEMBERED).unref());
  }

  /** Ids of the execs of a container that have not ended. */
  open(container: Container): string[] {
    return [...this.#byId.values()]
      .filter((exec) => exec.container === container && exec.exitCode === null)
      .map((exec) => exec.id);
  }

  running(): Exec[] {
    return [...this.#byId.values()].filter((exec) => exec.running);
  }

  /** The container has ended: what was not started in it never will be. */
  forget(container: Container): void {
    for (const exec of this.#byId.values()) {
      if (exec.container === container && exec.exitCode === null && !exec.running) this.#byId.delete(exec.id);
    }
  }
}
