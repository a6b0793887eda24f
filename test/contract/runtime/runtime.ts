// OCI runtimes on one contract: the same claims for punnet-runc, runc and crun, those that this machine can run, each as root and
// as an unprivileged user. A runtime speaks through its command line alone.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Spec } from '../../../src/base/oci-runtime.ts';
import { makeBundle, makeRootless, runcSpec, unmet, type Bundle, type Who } from '../../runtime/bundle.ts';
import { claims } from '../../support/claims.ts';
import { isRoot, need, PROJECT } from '../../support/need.ts';
import { run, which, type Outcome } from '../../support/process.ts';
import { testUser } from '../../support/user.ts';
import { makeScratch, until } from '../../support/until.ts';

const NAMES = ['punnet-runc', 'runc', 'crun'] as const;
export type Name = (typeof NAMES)[number];

const programOf = (name: Name) => (name === 'punnet-runc' ? join(PROJECT, 'bin/punnet-runc') : which(name));

export interface Container {
  id: string;
  bundle: string;
  rootfs: string;
}

export interface State {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  annotations?: Record<string, string>;
}

export class Runtime {
  readonly name: Name;
  readonly who: Who;
  readonly root: string;
  readonly bundle: Bundle;
  #count = 0;

  constructor(name: Name, who: Who) {
    this.name = name;
    this.who = who;
    this.bundle = makeBundle(who);
    this.root = join(this.bundle.directory, 'state');
  }

  /** Every process of it is this user's. */
  get ids(): { uid?: number; gid?: number } {
    return isRoot ? this.bundle.ids : {};
  }

  /** A command line of the runtime; output goes to pipes, so a container that stays must be made with `start` or `create`. */
  call(...args: string[]): Promise<Outcome> {
    return this.callWith({}, ...args);
  }

  callWith(options: { stdin?: string; cwd?: string; globals?: string[] }, ...args: string[]): Promise<Outcome> {
    const { globals = [], ...others } = options;
    const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: this.bundle.directory };
    return run(programOf(this.name)!, ['--root', this.root, ...globals, ...args], {
      cwd: this.bundle.directory,
      env,
      ...this.ids,
      ...others,
    });
  }

  /** As `call`, and a failure is an error. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(...args);
    if (code !== 0) throw new Error(`${this.name} ${args.join(' ')}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** A bundle of its own with `sh -c script`; it is deleted when the test ends. */
  prepare(script: string, edit: (spec: Spec) => void = () => {}): Container {
    const id = `${this.name}-${this.who}-${process.pid}-${++this.#count}`;
    const directory = join(this.bundle.directory, id);
    mkdirSync(directory);
    const spec = runcSpec(['sh', '-c', script]);
    spec.root = { path: this.bundle.rootfs, readonly: true };
    if (this.who === 'user') makeRootless(spec, this.bundle.ids);
    delete spec.linux!.resources;
    edit(spec);
    writeFileSync(join(directory, 'config.json'), JSON.stringify(spec));
    this.bundle.own(directory);
    onTestFinished(async () => {
      await this.call('delete', '--force', id);
      rmSync(directory, { recursive: true, force: true });
    });
    return { id, bundle: directory, rootfs: this.bundle.rootfs };
  }

  /** Runs a script in a container to its end. */
  async run(script: string, edit?: (spec: Spec) => void): Promise<Outcome> {
    const { id, bundle } = this.prepare(script, edit);
    return this.call('run', '--bundle', bundle, id);
  }

  /** Its output; a failure is an error. */
  async output(script: string, edit?: (spec: Spec) => void): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, edit);
    if (code !== 0) throw new Error(`exit ${code}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  /** A created container, whose program waits; its streams are files in the bundle: `out`. */
  async create(script: string, edit?: (spec: Spec) => void, flags: string[] = []): Promise<Container> {
    const container = this.prepare(script, edit);
    await this.detached(['create', ...flags, '--bundle', container.bundle, container.id], container.bundle);
    return container;
  }

  /** A container that runs and stays. */
  async start(script = 'exec sleep 1000', edit?: (spec: Spec) => void): Promise<Container> {
    const container = await this.create(script, edit);
    await this.must('start', container.id);
    return container;
  }

  /** A command whose container keeps the streams, so they must not be ours. */
  async detached(args: string[], bundle: string): Promise<void> {
    const line = [programOf(this.name)!, '--root', this.root, ...args].map((word) => `'${word}'`).join(' ');
    const outcome = await run('sh', ['-c', `${line} </dev/null >'${bundle}/out' 2>&1`], {
      env: { PATH: process.env.PATH, HOME: this.bundle.directory },
      cwd: this.bundle.directory,
      ...this.ids,
    });
    if (outcome.code !== 0)
      throw new Error(`${args.join(' ')}: exit ${outcome.code}: ${readFileSync(`${bundle}/out`, 'utf8')}`);
  }

  async state(id: string): Promise<State> {
    return JSON.parse(await this.must('state', id)) as State;
  }

  /** Waits for a status. */
  async becomes(id: string, status: string): Promise<State> {
    return until(`${id} is ${status}`, async () => {
      const state = await this.state(id);
      return state.status === status ? state : undefined;
    });
  }

  text(container: Container, file = 'out'): string {
    const path = join(container.bundle, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  remove(): void {
    this.bundle.remove();
  }
}

/** Why a runtime cannot run here: it is not installed, or refuses the simplest container. */
function reason(name: Name, who: Who): string | undefined {
  const missing = unmet(who) ?? (name === 'punnet-runc' ? need('built') : undefined);
  if (missing) return missing;
  const program = programOf(name);
  if (!program) return `${name} is not installed (apt-get install ${name})`;
  const probe = makeScratch('probe');
  chmodSync(probe, 0o755);
  const spec = runcSpec(['/bin/busybox', 'true']);
  mkdirSync(join(probe, 'rootfs/bin'), { recursive: true });
  execFileSync('cp', [which('busybox')!, join(probe, 'rootfs/bin')]);
  for (const directory of ['proc', 'sys', 'dev']) mkdirSync(join(probe, 'rootfs', directory));
  const ids = who === 'user' && isRoot ? testUser() : { uid: process.getuid!(), gid: process.getgid!() };
  if (who === 'user') makeRootless(spec, ids);
  delete spec.linux!.resources;
  writeFileSync(join(probe, 'config.json'), JSON.stringify(spec));
  execFileSync('chown', ['-R', `${ids.uid}:${ids.gid}`, probe]);
  try {
    execFileSync(program, ['--root', join(probe, 'state'), 'run', '--bundle', probe, `probe-${process.pid}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: probe,
      env: { PATH: process.env.PATH, HOME: probe },
      ...(isRoot ? { uid: ids.uid, gid: ids.gid } : {}),
    });
    return undefined;
  } catch (error) {
    if (name === 'punnet-runc') return undefined; // then its claims must say so
    return `${name} cannot run here: ${String((error as { stderr?: Buffer }).stderr)
      .trim()
      .split('\n')
      .at(-1)}`;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

const reasons = new Map<string, string | undefined>();

/** The same claims for every runtime, as root and as a user. */
export function everyRuntime(title: string, body: (runtime: () => Runtime, name: Name, who: Who) => void): void {
  for (const name of NAMES) {
    for (const who of ['root', 'user'] as const) {
      const key = `${name} ${who}`;
      if (!reasons.has(key)) reasons.set(key, reason(name, who));
      claims(`${title}, ${name} as ${who}`, reasons.get(key), () => {
        let runtime: Runtime | undefined;
        beforeAll(() => {
          runtime = new Runtime(name, who);
        });
        afterAll(() => runtime?.remove());
        body(() => runtime!, name, who);
      });
    }
  }
}
