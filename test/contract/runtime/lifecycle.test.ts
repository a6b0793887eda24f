// runtime-spec runtime.md#lifecycle and #operations: create, start, state, kill, delete.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Spec } from '../../../src/base/oci-runtime.ts';
import { until } from '../../support/until.ts';
import { everyRuntime } from './runtime.ts';
import { NOT_TRIED, unless } from '../unless.ts';

everyRuntime('create and start', (runtime, name) => {
  test('create does not run the program, start does', async () => {
    const box = await runtime().create('echo ran');
    expect((await runtime().state(box.id)).status).toBe('created');
    expect(runtime().text(box)).toBe('');
    await runtime().must('start', box.id);
    await runtime().becomes(box.id, 'stopped');
    expect(runtime().text(box)).toBe('ran\n');
  });

  test('a second create with the same id is refused', async () => {
    const box = await runtime().create('true');
    const { code, stderr } = await runtime().call('create', '--bundle', box.bundle, box.id);
    expect(code).not.toBe(0);
    expect(stderr).toContain('exist');
    expect((await runtime().state(box.id)).status).toBe('created');
  });

  test('an id that could be a path is refused', async () => {
    const box = runtime().prepare('true');
    for (const id of ['../x', 'a/b', '']) {
      expect((await runtime().call('create', '--bundle', box.bundle, id)).code, id).not.toBe(0);
    }
  });

  test('a missing bundle is an error, and no container', async () => {
    const { code, stderr } = await runtime().call('create', '--bundle', '/no/such', 'nothing');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no such file|not found|config/i);
    expect((await runtime().call('state', 'nothing')).code).not.toBe(0);
  });

  test('a config.json that is not JSON is an error', async () => {
    const box = runtime().prepare('true');
    writeFileSync(join(box.bundle, 'config.json'), '{"ociVersion": ');
    expect((await runtime().call('create', '--bundle', box.bundle, box.id)).code).not.toBe(0);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  test('a program that does not exist fails at create, and leaves nothing', async () => {
    const box = runtime().prepare('', (spec) => (spec.process!.args = ['no-such-program']));
    const { code, stderr } = await runtime().call('create', '--bundle', box.bundle, box.id);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/executable file.*not found in \$PATH/);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  test('a program that may not be executed fails at create', async () => {
    const box = runtime().prepare('', (spec) => (spec.process!.args = ['/etc/passwd']));
    const { code, stderr } = await runtime().call('create', '--bundle', box.bundle, box.id);
    expect(code).not.toBe(0);
    expect(stderr.toLowerCase()).toContain('permission denied');
  });

  test('a working directory that is relative is refused', async () => {
    const box = runtime().prepare('true', (spec) => (spec.process!.cwd = 'relative'));
    expect((await runtime().call('create', '--bundle', box.bundle, box.id)).code).not.toBe(0);
  });

  test('start of what runs already is refused', async () => {
    const box = await runtime().start();
    expect((await runtime().call('start', box.id)).code).not.toBe(0);
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  test('start of what has stopped is refused', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    expect((await runtime().call('start', box.id)).code).not.toBe(0);
  });

  test('start of what does not exist is refused', async () => {
    const { code, stderr } = await runtime().call('start', 'no-such');
    expect(code).not.toBe(0);
    expect(stderr).toContain('does not exist');
  });

  test('what is changed in config.json after create has no effect', async () => {
    const box = await runtime().create('echo first');
    const path = join(box.bundle, 'config.json');
    const spec = JSON.parse(readFileSync(path, 'utf8')) as Spec;
    spec.process!.args = ['sh', '-c', 'echo second'];
    writeFileSync(path, JSON.stringify(spec));
    await runtime().must('start', box.id);
    await runtime().becomes(box.id, 'stopped');
    expect(runtime().text(box)).toBe('first\n');
  });

  test('the pid file has the pid of state', async () => {
    const box = runtime().prepare('sleep 1000');
    const file = join(box.bundle, 'pid');
    await runtime().detached(['create', '--pid-file', file, '--bundle', box.bundle, box.id], box.bundle);
    expect(Number(readFileSync(file, 'utf8'))).toBe((await runtime().state(box.id)).pid);
  });

  unless(name === 'runc', 'runc 1.1 lets the others wait for a FIFO that nobody reads')(
    'of three starts at once one works, and the others end',
    async () => {
      const box = await runtime().create('exec sleep 1000');
      const codes = (await Promise.all([1, 2, 3].map(() => runtime().call('start', box.id)))).map(({ code }) => code);
      expect(codes.filter((code) => code === 0)).toHaveLength(1);
      expect((await runtime().becomes(box.id, 'running')).status).toBe('running');
    },
  );

  test('a container that was killed before its start is stopped', async () => {
    const box = await runtime().create('true');
    await runtime().must('kill', box.id, 'KILL');
    await runtime().becomes(box.id, 'stopped');
    expect((await runtime().call('start', box.id)).code).not.toBe(0);
  });
});

everyRuntime('state', (runtime, name) => {
  test('has the fields of the specification', async () => {
    const box = await runtime().start();
    const state = await runtime().state(box.id);
    expect(state).toMatchObject({ id: box.id, bundle: box.bundle, status: 'running' });
    expect(state.ociVersion).toMatch(/^1\.\d+\.\d+/);
    expect(state.pid).toBeGreaterThan(0);
    expect(existsSync(`/proc/${state.pid}`)).toBe(true);
  });

  test('has the annotations', async () => {
    const box = await runtime().create('true', (spec) => (spec.annotations = { 'org.example.key': 'value' }));
    expect((await runtime().state(box.id)).annotations).toMatchObject({ 'org.example.key': 'value' });
  });

  test('says stopped, with pid 0, when the program has ended', async () => {
    const box = await runtime().start('true');
    const { pid } = await runtime().becomes(box.id, 'stopped');
    expect(pid ?? 0).toBe(0);
  });

  test('of a container that does not exist is an error', async () => {
    const { code, stdout, stderr } = await runtime().call('state', 'no-such');
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('does not exist');
  });

  unless(name === 'crun', NOT_TRIED)('without an id is an error that says what is missing', async () => {
    const { code, stderr, stdout } = await runtime().call('state');
    expect(code).not.toBe(0);
    expect(stderr + stdout).toContain('requires exactly 1 argument');
  });
});

everyRuntime('kill', (runtime) => {
  const trap = (name: string) => `trap 'echo got ${name}; exit 7' ${name}; echo up; while :; do sleep 0.1; done`;

  for (const [given, name] of [
    ['TERM', 'TERM'],
    ['SIGUSR1', 'USR1'],
    ['15', 'TERM'],
    ['HUP', 'HUP'],
  ] as const) {
    test(`kill ${given} reaches the program`, async () => {
      const box = await runtime().start(trap(name));
      await until('it is up', () => runtime().text(box).includes('up'));
      await runtime().must('kill', box.id, given);
      await runtime().becomes(box.id, 'stopped');
      expect(runtime().text(box)).toContain(`got ${name}`);
    });
  }

  test('without a signal it is TERM', async () => {
    const box = await runtime().start(trap('TERM'));
    await until('it is up', () => runtime().text(box).includes('up'));
    await runtime().must('kill', box.id);
    await runtime().becomes(box.id, 'stopped');
  });

  test('KILL ends a program that ignores all else', async () => {
    const box = await runtime().start(`trap '' TERM; echo up; while :; do sleep 0.1; done`);
    await until('it is up', () => runtime().text(box).includes('up'));
    await runtime().must('kill', box.id, 'KILL');
    await runtime().becomes(box.id, 'stopped');
  });

  test('of what has stopped is an error', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    expect((await runtime().call('kill', box.id, 'TERM')).code).not.toBe(0);
  });

  test('an unknown signal is an error, and does nothing', async () => {
    const box = await runtime().start();
    expect((await runtime().call('kill', box.id, 'NOPE')).code).not.toBe(0);
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  test('of what does not exist is an error', async () => {
    const { code, stderr } = await runtime().call('kill', 'no-such', 'KILL');
    expect(code).not.toBe(0);
    expect(stderr).toContain('does not exist');
  });

  test('the end of the first process ends all of its pid namespace', async () => {
    const box = await runtime().start('sleep 12345 & exec sleep 54321');
    const { pid } = await runtime().state(box.id);
    const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const child = await until('it has a child', () => children());
    await runtime().must('kill', box.id, 'KILL');
    await until('the child is gone', () => !existsSync(`/proc/${child}`));
  });
});

everyRuntime('delete', (runtime, name) => {
  test('of what has stopped leaves nothing', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    await runtime().must('delete', box.id);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
    expect(existsSync(join(runtime().root, box.id))).toBe(false);
  });

  test('of what runs is refused', async () => {
    const box = await runtime().start();
    const { code } = await runtime().call('delete', box.id);
    expect(code).not.toBe(0);
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  test('--force ends what runs', async () => {
    const box = await runtime().start();
    const { pid } = await runtime().state(box.id);
    await runtime().must('delete', '--force', box.id);
    await until(
      'its process is gone',
      () => !existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    );
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  test('--force is idempotent', async () => {
    const box = await runtime().create('true');
    await runtime().must('delete', '--force', box.id);
    await runtime().must('delete', '--force', box.id);
  });

  test('of what does not exist is an error', async () => {
    const { code, stderr } = await runtime().call('delete', 'no-such');
    expect(code).not.toBe(0);
    expect(stderr).toContain('does not exist');
  });

  test('the id is free afterwards', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    await runtime().must('delete', box.id);
    await runtime().detached(['create', '--bundle', box.bundle, box.id], box.bundle);
    expect((await runtime().state(box.id)).status).toBe('created');
  });

  test('the bundle is not touched', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    await runtime().must('delete', box.id);
    expect(existsSync(join(box.bundle, 'config.json'))).toBe(true);
    expect(existsSync(join(box.rootfs, 'bin/busybox'))).toBe(true);
  });

  unless(name === 'crun', NOT_TRIED)('of what was created and never started needs no force', async () => {
    const box = await runtime().create('true');
    await runtime().must('delete', box.id);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });
});
