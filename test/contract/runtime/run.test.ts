// run: create, start, wait and delete in one; its streams, exit status and signals.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../../support/need.ts';
import { which } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { everyRuntime } from './runtime.ts';

everyRuntime('run', (runtime, name) => {
  test('ends with the exit status of the program, and leaves nothing', async () => {
    const box = runtime().prepare('exit 37');
    expect((await runtime().call('run', '--bundle', box.bundle, box.id)).code).toBe(37);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  test('a program that a signal ended is 128 and the signal', async () => {
    const box = runtime().prepare('echo $$; exec sleep 1000');
    const ended = runtime().call('run', '--bundle', box.bundle, box.id);
    await until('it runs', async () => (await runtime().call('state', box.id)).stdout.includes('running'));
    await runtime().must('kill', box.id, 'KILL');
    expect((await ended).code).toBe(137);
  });

  test('stdout and stderr stay apart', async () => {
    const { stdout, stderr } = await runtime().run('echo out; echo err >&2');
    expect(stdout).toBe('out\n');
    expect(stderr).toContain('err');
  });

  test('stdin reaches the program, and its end too', async () => {
    const box = runtime().prepare('cat; echo end');
    const { stdout } = await runtime().callWith({ stdin: 'some text\n' }, 'run', '--bundle', box.bundle, box.id);
    expect(stdout).toBe('some text\nend\n');
  });

  test('a megabyte of output arrives whole', async () => {
    const { stdout } = await runtime().run('head -c 1048576 /dev/zero | tr "\\0" x');
    expect(stdout.length).toBe(1048576);
  });

  test('the working directory is the bundle when none is named', async () => {
    const box = runtime().prepare('echo here');
    const { stdout } = await runtime().callWith({ cwd: box.bundle }, 'run', box.id);
    expect(stdout).toBe('here\n');
  });

  test('--detach returns while the program runs', async () => {
    const box = runtime().prepare('exec sleep 1000');
    await runtime().detached(['run', '--detach', '--bundle', box.bundle, box.id], box.bundle);
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  test('a program that does not exist is an error, and leaves nothing', async () => {
    const box = runtime().prepare('', (spec) => (spec.process!.args = ['no-such-program']));
    const { code, stderr } = await runtime().call('run', '--bundle', box.bundle, box.id);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/executable file.*not found in \$PATH/);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  test('no process and no empty directory is left behind', async () => {
    const box = runtime().prepare('sleep 12321 & true');
    await runtime().call('run', '--bundle', box.bundle, box.id);
    const listed = await runtime().must('list', ...(name === 'crun' ? [] : ['--quiet']));
    expect(listed).not.toContain(box.id);
  });

  test('signals of the caller reach the program', async () => {
    const box = runtime().prepare(`trap 'echo got TERM; exit 9' TERM; echo up; while :; do sleep 0.1; done`);
    const program = name === 'punnet-runc' ? join(PROJECT, 'bin/punnet-runc') : which(name)!;
    const child = spawn(program, ['--root', runtime().root, 'run', '--bundle', box.bundle, box.id], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: box.bundle,
      ...runtime().ids,
    });
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    await until('it is up', () => said.includes('up'));
    child.kill('SIGTERM');
    expect(await ended).toBe(9);
    expect(said).toContain('got TERM');
  });

  test('--preserve-fds passes descriptors from 3 on, and no others', async () => {
    const box = runtime().prepare('cat <&3; ls /proc/self/fd | wc -l');
    const { stdout } = await run3(
      runtime().ids,
      [
        name === 'punnet-runc' ? join(PROJECT, 'bin/punnet-runc') : which(name)!,
        ...['--root', runtime().root, 'run', '--preserve-fds', '1', '--bundle', box.bundle, box.id],
      ],
      box.bundle,
    );
    expect(stdout).toContain('from three');
  });

  test('without --preserve-fds the program has its three streams alone', async () => {
    // the fourth is the directory that ls reads
    expect(await runtime().output('ls /proc/self/fd')).toBe('0\n1\n2\n3');
  });
});

/** Runs a command with a descriptor 3 that reads `from three`. */
async function run3(ids: object, [program, ...args]: string[], cwd: string): Promise<{ stdout: string }> {
  writeFileSync(join(cwd, 'three'), 'from three\n', { mode: 0o644 });
  const line = [program, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('sh', ['-c', `exec 3<'${cwd}/three' </dev/null; ${line}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd,
    ...ids,
  });
  let stdout = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return { stdout };
}
