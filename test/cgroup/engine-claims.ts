// What limits do to containers of the whole engine: command line, daemon, shim, kernel; as an unprivileged user with a
// delegated cgroup. Run inside User Mode Linux, whose root delegates. PUNNET_TEST_ENGINE: the project's directory.

import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Outcome {
  stdout: string;
  stderr: string;
  code: number | null;
}

export interface EngineClaim {
  title: string;
  check(engine: Engine): void;
}

export class Engine {
  readonly parent = '/sys/fs/cgroup/user';
  readonly #ids: string[];
  readonly #project: string;

  /** @param user `uid:gid`, with subordinate ids */
  constructor(project: string, user: string) {
    const [uid, gid] = user.split(':').map(Number);
    this.#project = project;
    this.#ids = [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups'];
    mkdirSync('/run/engine', { mode: 0o755 });
    for (const name of ['data', 'run', 'home']) {
      mkdirSync(`/run/engine/${name}`);
      chownSync(`/run/engine/${name}`, uid!, gid!);
    }
    for (const cgroup of [this.parent, join(this.parent, 'shell')]) {
      mkdirSync(cgroup);
      for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']) {
        chownSync(join(cgroup, name), uid!, gid!);
      }
    }
  }

  /** Runs `punnet ARGS` as the user, from inside the delegated part. */
  punnet(...args: string[]): Outcome {
    const enter = 'echo $$ > "$0/shell/cgroup.procs" && exec setpriv "$@"';
    // The guest has no nf_tables, which a bridge needs.
    const network = args[0] === 'run' ? ['--network', 'none'] : [];
    const program = [
      process.execPath,
      join(this.#project, 'dist/punnet.cjs'),
      ...args.slice(0, 1),
      ...network,
      ...args.slice(1),
    ];
    const { stdout, stderr, status } = spawnSync('sh', ['-c', enter, this.parent, ...this.#ids, ...program], {
      encoding: 'utf8',
      cwd: '/',
      env: {
        PATH: process.env.PATH,
        HOME: '/run/engine/home',
        PUNNET_ROOT: '/run/engine/data',
        PUNNET_RUN: '/run/engine/run',
        PUNNET_CGROUP: this.parent,
        PUNNET_NATIVE: join(this.#project, 'build/Release'),
      },
    });
    return { stdout, stderr, code: status };
  }
}

export const ENGINE_CLAIMS: EngineClaim[] = [
  {
    title: 'limits of `run` reach the container, and nothing is warned of',
    check(engine) {
      const limits = [
        '--memory',
        '64m',
        '--memory-reservation',
        '32m',
        '--cpus',
        '0.5',
        '--cpu-shares',
        '512',
        '--pids-limit',
        '30',
      ];
      const script = 'cd /sys/fs/cgroup && cat memory.max memory.low cpu.max cpu.weight pids.max';
      const { stdout, stderr, code } = engine.punnet('run', '--rm', ...limits, 'busybox', 'sh', '-c', script);
      assert.deepEqual(
        { lines: stdout.trim().split('\n'), stderr, code },
        {
          lines: ['67108864', '33554432', '50000 100000', '59', '30'],
          stderr: '',
          code: 0,
        },
      );
    },
  },
  {
    title: 'a container that takes too much memory exits with 137 and OOMKilled',
    check(engine) {
      const { code } = engine.punnet('run', '--name', 'hog', '-m', '16m', 'busybox', 'tail', '/dev/zero');
      assert.equal(code, 137);
      assert.equal(
        engine.punnet('inspect', '-f', '{{.State.ExitCode}} {{.State.OOMKilled}}', 'hog').stdout.trim(),
        '137 true',
      );
    },
  },
  {
    title: 'OOMKilled is true also when only a child was killed',
    check(engine) {
      const script = '(tail /dev/zero); echo after';
      const { stdout, code } = engine.punnet('run', '--name', 'parent', '-m', '16m', 'busybox', 'sh', '-c', script);
      assert.equal(stdout.trim(), 'after');
      assert.equal(code, 0);
      assert.equal(engine.punnet('inspect', '-f', '{{.State.OOMKilled}}', 'parent').stdout.trim(), 'true');
    },
  },
  {
    title: 'a limit that this kernel cannot apply is warned of',
    check(engine) {
      const { stderr, code } = engine.punnet('run', '--rm', '--cpuset-cpus', '0', 'busybox', 'true');
      assert.match(stderr, /Your kernel does not support cpuset or the cgroup is not mounted\. Cpuset discarded\./);
      assert.equal(code, 0);
    },
  },
  {
    title: 'no cgroup of a container is left when it is gone',
    check(engine) {
      engine.punnet('rm', '-f', 'hog', 'parent');
      const left = readdirSync(engine.parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      assert.deepEqual(left.map(({ name }) => name).sort(), ['punnetd', 'shell']);
      engine.punnet('system', 'stop');
      assert.ok(existsSync(engine.parent));
    },
  },
];
