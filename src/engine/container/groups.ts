// The cgroups of running containers: frozen and thawed, their limits changed, their processes and counters read. Runs in the
// daemon, in the host's cgroup namespace. cgroup-v2.rst

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, internal, unavailable } from '../../base/errors.ts';
import { changeCgroup, isFrozen, processesOf, setFrozen } from '../../runtime/cgroup.ts';
import type { CgroupTree } from '../../runtime/cgroup-tree.ts';
import type { HostConfigBody } from '../../api/types.ts';
import { deviceNumbers } from './device-numbers.ts';
import { specResources } from './spec-resources.ts';

const PATIENCE_MS = 10_000;

export class ContainerGroups {
  readonly #tree: CgroupTree;

  constructor(tree: CgroupTree) {
    this.#tree = tree;
  }

  /** @throws unavailable where containers have no cgroup; internal when it does not freeze within ten seconds */
  async freeze(id: string, frozen: boolean): Promise<void> {
    const directory = this.#directory(id);
    if (directory === undefined) {
      throw unavailable(`this host has no cgroup for containers, which freezing needs: ${this.#tree.reason}`, {
        fix: 'punnet doctor',
      });
    }
    setFrozen(directory, frozen);
    for (let waited = 0; isFrozen(directory) !== frozen; waited += 2) {
      if (waited > PATIENCE_MS) throw internal(`${directory} did not ${frozen ? 'freeze' : 'thaw'}`);
      await pause(2);
    }
  }

  isFrozen(id: string): boolean {
    const directory = this.#directory(id);
    return directory !== undefined && isFrozen(directory);
  }

  /** Writes the limits of a container that runs; no effect where there is no cgroup. @throws internal naming the file */
  update(id: string, host: HostConfigBody): void {
    if (this.#tree.parent !== undefined)
      changeCgroup(this.#tree, { name: id, resources: specResources(host, deviceNumbers) });
  }

  /** Every process of the container; undefined where there is no cgroup to ask. */
  processes(id: string): number[] | undefined {
    const directory = this.#directory(id);
    return directory === undefined ? undefined : processesOf(directory);
  }

  /** A file of the container's cgroup; undefined when the controller is not there. */
  read(id: string, file: string): string | undefined {
    const directory = this.#directory(id);
    if (directory === undefined) return undefined;
    try {
      return readFileSync(join(directory, file), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV') return undefined;
      throw error;
    }
  }

  #directory(id: string): string | undefined {
    return this.#tree.parent === undefined ? undefined : join(this.#tree.parent, id);
  }
}
