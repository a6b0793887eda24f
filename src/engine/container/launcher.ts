// From a container's record to the bytes of its plan: user, OCI configuration, seccomp filter, root mounts, ops.
// Runs in the daemon, as root of its user namespace. What one start can reuse of another is kept in memory.

import { join } from 'node:path';
import type { Mount } from '../../base/mount.ts';
import type { Digest } from '../../base/digest.ts';
import { encodePlan } from '../../native/plan.ts';
import { bindFiles } from '../../runtime/bind-files.ts';
import { compilePlan } from '../../runtime/compile.ts';
import { readHostFacts, type HostFacts } from '../../runtime/host-facts.ts';
import { seccompFilter } from '../../runtime/seccomp-filter.ts';
import { readInStack } from '../../snapshot/read-in-stack.ts';
import type { ContainerRecord } from './record.ts';
import type { Launcher, Limits, Prepared } from './room.ts';
import { containerSpec } from './spec.ts';
import { lookUpUser, type UserFiles } from './user.ts';

/** Largest /etc/passwd or /etc/group that is read. */
const MAX_USER_FILE = 8 << 20;

/** What the launcher needs of the snapshotter. */
export interface RootSource {
  mounts(key: string, options: { volatile?: boolean }): Mount[];
  upper(key: string): string;
  /** absolute directories, top first */
  layers(diffIDs: Digest[]): string[];
}

/** No limit can be applied. */
const NO_LIMITS: Limits = {
  memory: false,
  swap: false,
  memoryReservation: false,
  pids: false,
  cpuCfs: false,
  cpuShares: false,
  cpuset: false,
  cpus: '',
  mems: '',
  blkioWeight: false,
  blkioThrottle: false,
};

export class PlanLauncher implements Launcher {
  readonly #roots: RootSource;
  readonly #init: string;
  readonly #facts: HostFacts = readHostFacts();
  readonly #filters: string;

  /** `init`: path of the program that `--init` puts before the command; `filters`: directory of compiled seccomp programs */
  constructor(roots: RootSource, { init, filters }: { init: string; filters: string }) {
    this.#roots = roots;
    this.#init = init;
    this.#filters = filters;
  }

  limits(): Limits {
    return NO_LIMITS;
  }

  finish(): { oomKilled: boolean } {
    return { oomKilled: false };
  }

  /** @throws PunnetError with Docker's texts */
  prepare(record: ContainerRecord, directory: string): Prepared {
    const { config, hostConfig } = record;
    const rootMounts = this.#roots.mounts(record.id, { volatile: hostConfig.AutoRemove === true });
    const rootfs = rootMounts[0]!.target;
    const spec = containerSpec({
      record,
      user: lookUpUser(config.User ?? '', this.#userFiles(record), hostConfig.GroupAdd ?? []),
      facts: this.#facts,
      files: {
        hostname: join(directory, 'hostname'),
        hosts: join(directory, 'hosts'),
        resolvConf: join(directory, 'resolv.conf'),
      },
      init: this.#init,
      rootfs,
    });
    const seccomp = spec.linux?.seccomp;
    const plan = compilePlan(spec, {
      rootfs,
      rootMounts,
      ...(seccomp === undefined ? {} : { seccomp: seccompFilter(seccomp, this.#filters) }),
      files: bindFiles(spec),
    });
    return { plan: encodePlan(plan), op: (index) => ({ ...plan.ops[index]! }) };
  }

  #userFiles(record: ContainerRecord): UserFiles {
    const stack = [this.#roots.upper(record.id), ...this.#roots.layers(record.diffIDs)];
    const read = (path: string) => readInStack(stack, path, MAX_USER_FILE)?.toString('utf8');
    return { passwd: read('/etc/passwd'), group: read('/etc/group') };
  }
}
