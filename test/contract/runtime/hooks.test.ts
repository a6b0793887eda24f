// runtime-spec config.md#posix-platform-hooks and runtime.md#lifecycle: which hook when, with what on its stdin.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Spec, SpecHooks } from '../../../src/base/oci-runtime.ts';
import { until } from '../../support/until.ts';
import { everyRuntime, type Container } from './runtime.ts';
import { unless } from '../unless.ts';

const KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;

everyRuntime('hooks', (runtime, name) => {
  const script = (line: string) => ({ path: '/bin/sh', args: ['sh', '-c', line] });
  const lines = (box: Container, file: string) => runtime().text(box, file).split('\n').filter(Boolean);
  const edited = (make: (bundle: string) => SpecHooks) => {
    const box = runtime().prepare('true');
    return { box, edit: (spec: Spec) => (spec.hooks = make(box.bundle)) };
  };

  test('those of create run at create, in their order, on the host’s files', async () => {
    const { box, edit } = edited((bundle) =>
      Object.fromEntries(
        ['prestart', 'createRuntime', 'createContainer'].map((kind) => [
          kind,
          [script(`echo ${kind} >>${bundle}/log`)],
        ]),
      ),
    );
    await runtime().create('true', edit);
    expect(lines(box, 'log')).toEqual(['prestart', 'createRuntime', 'createContainer']);
  });

  test('several of one kind run in the order of the list', async () => {
    const { box, edit } = edited((bundle) => ({
      createRuntime: [1, 2, 3].map((n) => script(`echo ${n} >>${bundle}/log`)),
    }));
    await runtime().create('true', edit);
    expect(lines(box, 'log')).toEqual(['1', '2', '3']);
  });

  test('the state is on their stdin', async () => {
    const { box, edit } = edited((bundle) => ({ createRuntime: [script(`cat >${bundle}/state`)] }));
    const made = await runtime().create('true', edit);
    const state = JSON.parse(readFileSync(join(box.bundle, 'state'), 'utf8')) as Record<string, unknown>;
    expect(state).toMatchObject({ id: made.id, bundle: made.bundle, pid: (await runtime().state(made.id)).pid });
    expect(state.status).toMatch(/^creat/);
    expect(state.ociVersion).toMatch(/^1\./);
  });

  test('args and env are their own', async () => {
    const { box, edit } = edited((bundle) => ({
      createRuntime: [
        { path: '/bin/sh', args: ['zero', '-c', `echo $0 $1 $ONE >${bundle}/log`, 'a', 'b'], env: ['ONE=1'] },
      ],
    }));
    await runtime().create('true', edit);
    expect(lines(box, 'log')).toEqual(['a b 1']);
  });

  test('startContainer runs inside the container, before the program', async () => {
    const box = await runtime().create('cat /dev/shm/hook; echo program', (spec) => {
      spec.hooks = { startContainer: [script('echo $$ hook >/dev/shm/hook')] };
    });
    expect(runtime().text(box)).toBe('');
    await runtime().must('start', box.id);
    await until('it has ended', () => runtime().text(box).includes('program'));
    expect(runtime().text(box)).toContain('hook\nprogram');
  });

  test('poststart has run when start has returned', async () => {
    const { box, edit } = edited((bundle) => ({ poststart: [script(`cat >${bundle}/log`)] }));
    const made = await runtime().create('exec sleep 1000', edit);
    await runtime().must('start', made.id);
    expect(existsSync(join(box.bundle, 'log'))).toBe(true);
  });

  test('poststop runs at delete, and is told that it has stopped', async () => {
    const { box, edit } = edited((bundle) => ({ poststop: [script(`cat >${bundle}/log`)] }));
    const made = await runtime().start('true', edit);
    await runtime().becomes(made.id, 'stopped');
    expect(existsSync(join(box.bundle, 'log'))).toBe(false);
    await runtime().must('delete', made.id);
    expect((JSON.parse(runtime().text(box, 'log')) as { status: string }).status).toBe('stopped');
  });

  for (const kind of ['prestart', 'createRuntime', 'createContainer'] as const) {
    test(`a ${kind} hook that fails fails create, and no container is left`, async () => {
      const box = runtime().prepare('true', (spec) => (spec.hooks = { [kind]: [script('exit 5')] }));
      const { code, stderr } = await runtime().call('create', '--bundle', box.bundle, box.id);
      expect(code).not.toBe(0);
      expect(stderr).toContain('5');
      expect((await runtime().call('state', box.id)).code).not.toBe(0);
    });
  }

  test('a hook that does not exist fails create', async () => {
    const box = runtime().prepare('true', (spec) => (spec.hooks = { createRuntime: [{ path: '/no/such/hook' }] }));
    expect((await runtime().call('create', '--bundle', box.bundle, box.id)).code).not.toBe(0);
  });

  test('a hook that takes longer than its timeout fails create', async () => {
    const box = runtime().prepare('true', (spec) => {
      spec.hooks = { createRuntime: [{ ...script('exec sleep 1000'), timeout: 1 }] };
    });
    expect((await runtime().call('create', '--bundle', box.bundle, box.id)).code).not.toBe(0);
  });

  test('a poststop hook that fails does not keep delete from its work', async () => {
    const made = await runtime().start('true', (spec) => (spec.hooks = { poststop: [script('exit 1')] }));
    await runtime().becomes(made.id, 'stopped');
    await runtime().call('delete', made.id);
    expect((await runtime().call('state', made.id)).code).not.toBe(0);
  });

  unless(name !== 'punnet-runc', 'claimed of punnet-runc alone')('all six, through run', async () => {
    const { box, edit } = edited((bundle) => ({
      ...Object.fromEntries(
        KINDS.filter((kind) => kind !== 'startContainer').map((kind) => [
          kind,
          [script(`echo ${kind} >>${bundle}/log`)],
        ]),
      ),
      startContainer: [script('echo startContainer')],
    }));
    const { stdout, stderr } = await runtime().run('true', edit);
    expect(stdout + stderr).toContain('startContainer');
    expect(lines(box, 'log')).toEqual(KINDS.filter((kind) => kind !== 'startContainer'));
  });
});
