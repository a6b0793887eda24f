// From a container's record to the bytes of its plan: user, OCI configuration, seccomp filter, root mounts, ops.
// Runs in the daemon, as root of its user namespace. What one start can reuse of another is kept in memory.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '../../base/mount.ts';
import type { Digest } from '../../base/digest.ts';
import { explainPlan } from '../../native/explain.ts';
import type { Plan } from '../../native/ops.ts';
import { parseReport } from '../../native/plan.ts';
import { hostPath } from '../../rootless/host-path.ts';
import { bindFiles } from '../../runtime/bind-files.ts';
import { cgroupLimits, type CgroupLimits, makeCgroup, removeCgroup, wasOomKilled } from '../../runtime/cgroup.ts';
import type { CgroupTree } from '../../runtime/cgroup-tree.ts';
import { compilePlan, type CompileOptions } from '../../runtime/compile.ts';
import { readHostFacts, type HostFacts } from '../../runtime/host-facts.ts';
import { seccompFilter } from '../../runtime/seccomp-filter.ts';
import { readInStack } from '../../snapshot/read-in-stack.ts';
import { deviceNumbers } from './device-numbers.ts';
import type { ContainerRecord } from './record.ts';
import type { JoinedNetwork, Launcher, Prepared } from './room.ts';
import { PlanCache } from './plan-cache.ts';
import { containerSpec } from './spec.ts';
import { lookUpUser, type UserFiles } from './user.ts';

/** Largest /etc/passwd or /etc/group that is read. */
const MAX_USER_FILE = 8 << 20;

/** Of so many images the user files are kept in memory. */
const MAX_KNOWN = 64;

/** What the launcher needs of the snapshotter. */
export interface RootSource {
  mounts(key: string, options: { volatile?: boolean }): Mount[];
  upper(key: string): string;
  /** absolute directories, top first */
  layers(diffIDs: Digest[]): string[];
}

export interface LauncherOptions {
  roots: RootSource;
  cgroups: CgroupTree;
  /** path of the program that `--init` puts before the command */
  init: string;
  /** directory of compiled seccomp programs */
  filters: string;
}

export class PlanLauncher implements Launcher {
  readonly #options: LauncherOptions;
  readonly #facts: HostFacts = readHostFacts();
  readonly #limits: CgroupLimits;
  readonly #users = new Map<Digest, UserFiles>();
  readonly #plans = new PlanCache();

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#limits = cgroupLimits(options.cgroups);
  }

  limits(): CgroupLimits {
    return this.#limits;
  }

  /** @throws the errno of rmdir(2) when the kernel holds the cgroup for longer than two seconds */
  async finish(record: ContainerRecord): Promise<{ oomKilled: boolean }> {
    const { parent } = this.#options.cgroups;
    if (parent === undefined) return { oomKilled: false };
    const cgroup = join(parent, record.id);
    const oomKilled = wasOomKilled(cgroup);
    await removeCgroup(cgroup);
    return { oomKilled };
  }

  /** `directory`: the container's runtime directory. @throws PunnetError with Docker's texts */
  prepare(record: ContainerRecord, directory: string, joins?: JoinedNetwork): Prepared {
    const { config, hostConfig } = record;
    const { roots, cgroups, init, filters } = this.#options;
    const rootMounts = roots.mounts(record.id, { volatile: hostConfig.AutoRemove === true });
    const rootfs = rootMounts[0]!.target;
    const mounts = record.mounts.map((mount) =>
      mount.Type === 'bind' ? { ...mount, Source: hostPath(mount.Source) } : mount,
    );
    const spec = containerSpec({
      record: { ...record, mounts },
      user: lookUpUser(config.User ?? '', this.#userFiles(record), hostConfig.GroupAdd ?? []),
      facts: this.#facts,
      files: {
        hostname: join(directory, 'hostname'),
        hosts: join(joins?.directory ?? directory, 'hosts'),
        resolvConf: join(joins?.directory ?? directory, 'resolv.conf'),
      },
      ...(joins && { networkOf: joins.pid }),
      init,
      rootfs,
      deviceNumbers,
    });
    const seccomp = spec.linux?.seccomp;
    const cgroup = makeCgroup(cgroups, { name: record.id, resources: spec.linux?.resources ?? {} });
    const options: CompileOptions = {
      rootfs,
      rootMounts,
      ...(cgroup === undefined ? {} : { cgroup }),
      ...(seccomp === undefined ? {} : { seccomp: seccompFilter(seccomp, filters) }),
      files: bindFiles(spec),
    };
    let compiled: Plan | undefined;
    const plan = () => (compiled ??= compilePlan(spec, options));
    return {
      plan: this.#plans.encode(record.id, spec, options, plan),
      op: (index) => ({ ...plan().ops[index]! }),
      isThere: (paths) => paths.some((path) => this.#isFile(record, path)),
      explain: (report, pid) => explainPlan(plan(), parseReport(report), pid),
    };
  }

  #stack(record: ContainerRecord): string[] {
    const { roots } = this.#options;
    return [roots.upper(record.id), ...roots.layers(record.diffIDs)];
  }

  #isFile(record: ContainerRecord, path: string): boolean {
    try {
      return readInStack(this.#stack(record), path, 0) !== undefined;
    } catch {
      // Larger than nothing, or a loop of links: something is there.
      return true;
    }
  }

  /** The image's own files are the same for all its containers; one that has written something has its own. */
  #userFiles(record: ContainerRecord): UserFiles {
    const { roots } = this.#options;
    const fresh = readdirSync(roots.upper(record.id)).length === 0;
    const known = fresh ? this.#users.get(record.imageId) : undefined;
    if (known) return known;
    const stack = this.#stack(record);
    const read = (path: string) => readInStack(stack, path, MAX_USER_FILE)?.toString('utf8');
    const files = { passwd: read('/etc/passwd'), group: read('/etc/group') };
    if (fresh) {
      if (this.#users.size >= MAX_KNOWN) this.#users.clear();
      this.#users.set(record.imageId, files);
    }
    return files;
  }
}
