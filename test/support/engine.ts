// An engine under test: a client program, a socket, and the user who runs both. The same claims run against each of them.
// Started once by test/verb/setup.ts, handed to the test files as data.

import { run, type Outcome, type RunOptions } from './process.ts';

export interface EngineSpec {
  /** `docker`, `punnet as user`, `docker CLI on punnet as root`… */
  label: string;
  kind: 'docker' | 'punnet';
  /** the command-line program: docker's own, or ours */
  client: 'docker' | 'punnet';
  program: string;
  /** arguments before the verb */
  prefix: string[];
  env: Record<string, string>;
  /** ids on the host under which the client runs; absent: those of the tests */
  uid?: number;
  gid?: number;
  socket: string;
  /** a directory that the engine's user owns; files for binds go here */
  home: string;
  /** engine runs without root on the host */
  rootless: boolean;
  /** host ids that ids 0 and 1 of its containers are; files that tests look at carry them */
  hostRoot: number;
  /** why it cannot be tested here */
  skip?: string;
}

/** Over all engines of a test file: two of them may share a home. */
let serial = 0;

export class Engine {
  readonly spec: EngineSpec;

  constructor(spec: EngineSpec) {
    this.spec = spec;
  }

  get label() {
    return this.spec.label;
  }

  /** A container name that no other test uses. */
  name(hint = 'c'): string {
    return `${hint}-${process.pid}-${serial++}`;
  }

  /** Runs the client with these arguments, as the engine's user. */
  cli(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const { spec } = this;
    return run(spec.program, [...spec.prefix, ...args], {
      cwd: spec.home,
      ...options,
      env: { ...spec.env, ...options.env },
      ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid }),
    });
  }

  /** As `cli`; a non-zero exit throws with the output. Returns standard output without the last newline. */
  async must(args: string[], options: RunOptions = {}): Promise<string> {
    const outcome = await this.cli(args, options);
    if (outcome.code !== 0)
      throw new Error(`${this.label}: ${args.join(' ')}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    return outcome.stdout.replace(/\n$/, '');
  }

  /** `run --rm --network none FLAGS busybox COMMAND`. */
  run(flags: string[], command: string[], options: RunOptions & { image?: string } = {}): Promise<Outcome> {
    const { image = 'busybox', ...rest } = options;
    return this.cli(['run', '--rm', '--network', 'none', ...flags, image, ...command], rest);
  }

  /** Standard output of `run FLAGS busybox sh -c SCRIPT`, which must succeed. */
  async sh(script: string, flags: string[] = [], options: RunOptions & { image?: string } = {}): Promise<string> {
    const { image = 'busybox', ...rest } = options;
    return this.must(['run', '--rm', '--network', 'none', ...flags, image, 'sh', '-c', script], rest);
  }

  /** `run -d` of a container with this name and busybox command; returns its id. */
  detached(name: string, flags: string[], command: string[], image = 'busybox'): Promise<string> {
    return this.must(['run', '-d', '--network', 'none', '--name', name, ...flags, image, ...command]);
  }

  /** One value of `inspect`, decoded from JSON: `inspect('c', '.State.ExitCode')`. */
  async inspect(object: string, path: string): Promise<unknown> {
    return JSON.parse(await this.must(['inspect', '--format', `{{json ${path}}}`, object])) as unknown;
  }

  /** Why this engine cannot limit memory and CPUs here, or undefined: it says so itself. */
  async withoutLimits(): Promise<string | undefined> {
    const info = JSON.parse(await this.must(['info', '--format', '{{json .}}'])) as Record<string, unknown>;
    return info.MemoryLimit && info.CpuCfsQuota ? undefined : 'this host delegates no memory and cpu controllers';
  }

  async remove(...names: string[]): Promise<void> {
    await this.cli(['rm', '-f', '-v', ...names]);
  }
}
