// From an exec and its container's record to the bytes of a plan: the process is the one that the container would have with the
// exec's command, user, variables and directory. Runs in the daemon, as root of its user namespace.

import { ALL_CAPABILITIES } from '../../runtime/capabilities.ts';
import { encodePlan } from '../../native/plan.ts';
import { cgroupOf } from '../../runtime/cgroup-tree.ts';
import { compileJoin } from '../../runtime/compile-join.ts';
import { readHostFacts, type HostFacts } from '../../runtime/host-facts.ts';
import { isInContainer, readInContainer } from '../../runtime/read-in-container.ts';
import { seccompFilter } from '../../runtime/seccomp-filter.ts';
import type { ContainerRecord } from '../container/record.ts';
import { containerSpec } from '../container/spec.ts';
import { lookUpUser } from '../container/user.ts';
import type { ExecRecord } from './exec.ts';

/** Largest /etc/passwd or /etc/group that is read. */
const MAX_USER_FILE = 8 << 20;

export interface PreparedExec {
  /** bytes of encodePlan */
  plan: Uint8Array;
  /** the op at an index, to explain a failure */
  op(index: number): { op: string; [field: string]: unknown };
  /** whether one of these paths of the container leads to something */
  isThere(paths: string[]): boolean;
}

export class ExecPlanner {
  readonly #facts: HostFacts = readHostFacts();
  readonly #filters: string;
  readonly #cgroups: boolean;

  /** @param filters directory of compiled seccomp programs */
  constructor({ filters, cgroups }: { filters: string; cgroups: boolean }) {
    this.#filters = filters;
    this.#cgroups = cgroups;
  }

  /** `pid`: the container's init. @throws PunnetError with Docker's texts */
  prepare(record: ContainerRecord, exec: ExecRecord, pid: number): PreparedExec {
    const { config, hostConfig } = record;
    const [path = '', ...args] = exec.command;
    const read = (file: string) => readInContainer(pid, file, MAX_USER_FILE)?.toString('utf8');
    const user = lookUpUser(
      exec.user || (config.User ?? ''),
      { passwd: read('/etc/passwd'), group: read('/etc/group') },
      hostConfig.GroupAdd ?? [],
    );
    const spec = containerSpec({
      record: {
        ...record,
        path,
        args,
        config: {
          ...config,
          Tty: exec.tty,
          Env: [...(config.Env ?? []), ...exec.env],
          WorkingDir: exec.cwd || config.WorkingDir,
        },
        hostConfig: { ...hostConfig, Init: false, ConsoleSize: exec.size },
      },
      user,
      facts: this.#facts,
      ...(hostConfig.NetworkMode?.startsWith('container:') ? { networkOf: pid } : {}),
      rootfs: '/',
      // The cgroup has its limits already.
      deviceNumbers: () => ({ major: 0, minor: 0 }),
    });
    const process = spec.process!;
    if (exec.privileged) {
      const all = [...ALL_CAPABILITIES];
      process.capabilities = { bounding: all, permitted: all, effective: all };
    }
    const seccomp = spec.linux?.seccomp;
    const cgroup = this.#cgroups ? cgroupOf(pid) : undefined;
    const plan = compileJoin(spec, process, {
      pid,
      ...(cgroup === undefined ? {} : { cgroup }),
      ...(seccomp === undefined ? {} : { seccomp: seccompFilter(seccomp, this.#filters) }),
    });
    return {
      plan: encodePlan(plan),
      op: (index) => ({ ...plan.ops[index]! }),
      isThere: (paths) => paths.some((file) => isInContainer(pid, file)),
    };
  }
}
