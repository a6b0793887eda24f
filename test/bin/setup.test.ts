// What a checkout does on its first and every next command: bin/setup, bin/punnet and bin/punnetd in copies of this one.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { isRoot, need, PROJECT } from '../support/need.ts';
import { run, which, type Outcome } from '../support/process.ts';
import { scratch } from '../support/scratch.ts';

vi.setConfig({ testTimeout: 120_000 }); // a bound for hangs on a busy machine
const missing = need('built') ?? (existsSync(join(PROJECT, 'build/stamp/ready')) ? undefined : 'bin/setup has not run');
beforeEach(({ skip }) => {
  if (missing) skip(missing);
});

interface Checkout {
  path: string;
  /** Runs a program of its bin/ with a daemon that nobody else has. */
  bin(name: string, args?: string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  watched(name: string, args: string[]): Promise<{ code: number | null; screen: string }>;
}

/** A copy of this checkout, built, whose dependencies are a link to this one's. */
function checkout(): Checkout {
  const path = join(scratch('copy'), 'punnet');
  mkdirSync(join(path, 'build'), { recursive: true });
  mkdirSync(join(path, '.git'));
  for (const name of ['bin', 'src', 'native', 'images', 'dist', 'build/stamp', 'build/Release'])
    cpSync(join(PROJECT, name), join(path, name), { recursive: true, preserveTimestamps: true });
  for (const name of ['package.json', 'package-lock.json', 'binding.gyp', 'tsconfig.json'])
    cpSync(join(PROJECT, name), join(path, name), { preserveTimestamps: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(path, 'node_modules'));
  const bin = (name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
    run(join(path, 'bin', name), args, { cwd: '/', env: { ...process.env, PUNNET_SKIP_SETUP: '', ...env } });
  /** The same where somebody watches: on a terminal of script(1), whose lines end in CR LF. */
  const watched = async (name: string, args: string[]) => {
    const command = [join(path, 'bin', name), ...args].join(' ');
    const env = { ...process.env, PUNNET_SKIP_SETUP: '', SHELL: '/bin/sh' };
    const { code, stdout } = await run('script', ['-qefc', command, '/dev/null'], { cwd: '/', env });
    return { code, screen: stdout.replaceAll('\r\n', '\n') };
  };
  return { path, bin, watched };
}

test('what is built is left alone, and says nothing', async () => {
  const { path, bin } = checkout();
  await bin('setup');
  const before = statSync(join(path, 'dist/punnetd.cjs')).mtimeMs;
  expect(await bin('punnetd', ['--version'])).toMatchObject({ code: 0, stdout: /^punnetd version \d/, stderr: '' });
  expect(statSync(join(path, 'dist/punnetd.cjs')).mtimeMs).toBe(before);
});

test('both programs run through links, relative and absolute, from any directory', async () => {
  const { path, bin } = checkout();
  await bin('setup');
  const links = scratch('links');
  symlinkSync(join(path, 'bin/punnetd'), join(links, 'absolute'));
  symlinkSync('absolute', join(links, 'relative'));
  for (const name of ['absolute', 'relative']) {
    const env = { ...process.env, PATH: `${links}:${process.env.PATH}` };
    expect(await run(name, ['--version'], { cwd: '/', env })).toMatchObject({ code: 0, stderr: '' });
  }
});

test('where somebody watches, a changed source is built before the command runs, and only what it goes into', async () => {
  const { path, bin, watched } = checkout();
  await bin('setup');
  const native = statSync(join(path, 'build/Release/punnet.node')).mtimeMs;
  const main = join(path, 'src/punnetd.ts');
  writeFileSync(main, readFileSync(main, 'utf8').replace('punnetd version', 'punnetd, changed, version'));
  const later = Date.now() / 1000 + 5;
  utimesSync(main, later, later);
  expect((await bin('punnetd', ['--version'])).stdout).toMatch(/^punnetd version/);
  const { screen } = await watched('punnetd', ['--version']);
  expect(screen).toMatch(
    /sources changed, building what differs\npunnet setup: programs … \d+s\npunnetd, changed, version/,
  );
  expect(statSync(join(path, 'build/Release/punnet.node')).mtimeMs).toBe(native);
});

test('a source that is only newer is not built again', async () => {
  const { path, bin, watched } = checkout();
  await bin('setup');
  const before = statSync(join(path, 'dist/punnetd.cjs')).mtimeMs;
  const now = Date.now() / 1000;
  utimesSync(join(path, 'src/punnetd.ts'), now, now);
  expect((await watched('punnetd', ['--version'])).screen).toMatch(/^punnetd version [^\n]*\n$/);
  expect(statSync(join(path, 'dist/punnetd.cjs')).mtimeMs).toBe(before);
});

test('a step that fails shows its output, and the next command tries it again', async () => {
  const { path, bin } = checkout();
  appendFileSync(join(path, 'src/punnetd.ts'), '\n}}\n');
  for (let i = 0; i < 2; i++) {
    const outcome = await bin('setup');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('programs … failed');
    expect(outcome.stderr).toContain('src/punnetd.ts');
  }
});

test('two setups at once: the second waits, and builds nothing twice', async () => {
  const { path, bin } = checkout();
  rmSync(join(path, 'dist'), { recursive: true });
  rmSync(join(path, 'build/stamp/programs'));
  const outcomes = await Promise.all([bin('setup'), bin('setup')]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  const said = outcomes.map(({ stderr }) => stderr).join('');
  expect(said.match(/programs …/g)).toHaveLength(1);
  expect(said).toContain('another setup of this checkout is running');
});

test('a checkout that may only be read runs when it is built, and says whom to ask when it is not', async ({
  skip,
}) => {
  if (isRoot) skip('root may write everywhere');
  const { path, bin } = checkout();
  await bin('setup');
  const lock = (mode: string) => execFileSync('chmod', ['-R', mode, path]);
  onTestFinished(() => void lock('u+w'));
  lock('a-w');
  expect(await bin('punnetd', ['--version'])).toMatchObject({ code: 0, stderr: '' });
  lock('u+w');
  rmSync(join(path, 'build/stamp'), { recursive: true });
  lock('a-w');
  const outcome = await bin('punnetd', ['--version']);
  expect(outcome.code).toBe(125);
  expect(outcome.stderr).toContain(`cannot write to ${path}/build`);
  expect(outcome.stderr).toContain('bin/setup');
});

/** A directory with links to the programs that setup itself uses, without those named. */
function pathWithout(...names: string[]): string {
  const bin = scratch('path');
  const programs =
    'sh dash node npm cat cut date dirname env find flock id ldd mkdir mv readlink sha256sum sort stat tail touch xargs bash make g++ python3 newuidmap newgidmap';
  for (const name of programs.split(' ')) {
    const found = which(name);
    if (found && !names.includes(name)) symlinkSync(found, join(bin, name));
  }
  return bin;
}

test('an old node is named with its version and with the lines that bring a newer one', async () => {
  const { bin } = checkout();
  const path = pathWithout('node');
  writeFileSync(join(path, 'node'), '#!/bin/sh\ncase $1 in -p) echo 18 ;; *) echo v18.19.0 ;; esac\n');
  chmodSync(join(path, 'node'), 0o755);
  const outcome = await bin('setup', [], { PATH: path });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('punnet needs Node 20 or newer; node is v18.19.0');
  expect(outcome.stderr).toContain('nodesource');
});

test('without root, a missing compiler is an exact line to run', async ({ skip }) => {
  if (isRoot) skip('root would install it');
  const { path, bin } = checkout();
  rmSync(join(path, 'build/stamp/native'));
  // apt-get must be in PATH for the line to be Debian's
  const programs = pathWithout('g++');
  symlinkSync('/bin/true', join(programs, 'apt-get'));
  const outcome = await bin('setup', [], { PATH: programs });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('sudo apt-get install -y --no-install-recommends g++\n');
});
