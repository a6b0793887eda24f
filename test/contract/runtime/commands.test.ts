// The other commands that engines call: list, ps, pause, resume, events, update, spec, features, checkpoint; the logs.

import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Spec } from '../../../src/base/oci-runtime.ts';
import { isRoot } from '../../support/need.ts';
import { everyRuntime } from './runtime.ts';
import { NO_ROOT, NOT_TRIED, unless } from '../unless.ts';

everyRuntime('list and ps', (runtime, name) => {
  test('list --format json has every container with its status', async () => {
    const [one, two] = [await runtime().create('true'), await runtime().start()];
    const listed = JSON.parse(await runtime().must('list', '--format', 'json')) as { id: string; status: string }[];
    expect(listed.find(({ id }) => id === one.id)?.status).toBe('created');
    expect(listed.find(({ id }) => id === two.id)?.status).toBe('running');
  });

  test('list is a table with a heading', async () => {
    const box = await runtime().start();
    const [heading, ...rows] = (await runtime().must('list')).split('\n');
    expect(heading!.trim().split(/\s+/).slice(0, 4)).toEqual([
      name === 'crun' ? 'NAME' : 'ID',
      'PID',
      'STATUS',
      expect.stringMatching(/BUNDLE/),
    ]);
    expect(rows.find((row) => row.startsWith(box.id))).toMatch(/running/);
  });

  test('list --quiet has ids alone', async () => {
    const box = await runtime().create('true');
    expect((await runtime().must('list', '--quiet')).split('\n')).toContain(box.id);
  });

  test('without containers list --format json is an empty list', async () => {
    const listed = (await runtime().must('list', '--format', 'json')).trim();
    expect([null, []]).toContainEqual(JSON.parse(listed));
  });
});

everyRuntime('logs and help', (runtime, name) => {
  test('an error is the last line of a JSON log', async () => {
    const log = join(runtime().bundle.directory, 'log.json');
    const globals = ['--log', log, '--log-format', 'json'];
    const { code } = await runtime().callWith({ globals }, 'start', 'no-such');
    expect(code).not.toBe(0);
    const last = JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1)!) as { level: string; msg: string };
    expect(last).toMatchObject({ level: 'error', msg: expect.stringContaining('does not exist') });
  });

  unless(name === 'crun', NOT_TRIED)('and on stderr as well', async () => {
    const globals = ['--log', join(runtime().bundle.directory, 'log2')];
    expect((await runtime().callWith({ globals }, 'start', 'no-such')).stderr).toContain('does not exist');
  });

  test('--version names the specification', async () => {
    expect(await runtime().must('--version')).toMatch(/version[\s\S]*spec: 1\.\d+\.\d+/);
  });

  test('an unknown flag is an error', async () => {
    expect((await runtime().call('list', '--no-such-flag')).code).not.toBe(0);
  });

  test('every command has its help', async () => {
    for (const command of ['create', 'start', 'kill', 'delete', 'exec', 'run', 'list', 'state', 'update', 'pause']) {
      expect((await runtime().call(command, '--help')).stdout, command).toContain(command);
    }
  });
});

everyRuntime('spec', (runtime, _name, who) => {
  test('writes a config.json that runs', async () => {
    const box = runtime().prepare('true');
    const directory = join(box.bundle, 'fresh');
    mkdirSync(directory);
    if (isRoot) chownSync(directory, runtime().bundle.ids.uid, runtime().bundle.ids.gid);
    const rootless = who === 'user' ? ['--rootless'] : [];
    await runtime().callWith({ cwd: directory }, 'spec', ...rootless);
    const spec = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as Spec;
    expect(spec.process!.args).toEqual(['sh']);
    const out = await runtime().output('', (own) => {
      Object.assign(own, spec, { root: own.root });
      own.process = { ...spec.process!, terminal: false, args: ['echo', 'it runs'] };
      delete own.linux!.resources;
    });
    expect(out).toBe('it runs');
  });

  test('does not overwrite one that is there', async () => {
    const box = runtime().prepare('true');
    expect((await runtime().callWith({ cwd: box.bundle }, 'spec')).code).not.toBe(0);
    expect(existsSync(join(box.bundle, 'config.json'))).toBe(true);
  });
});

everyRuntime('freezing and counting', (runtime, name, who) => {
  // On this kind of host runc freezes by cgroup v1, punnet-runc by v2; a user has no cgroup.
  const needsCgroup = unless(who === 'user', NO_ROOT);

  needsCgroup('pause and resume', async () => {
    const box = await runtime().start();
    await runtime().must('pause', box.id);
    expect((await runtime().state(box.id)).status).toBe('paused');
    await runtime().must('resume', box.id);
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  needsCgroup('what is paused takes no exec, unless it is told to wait', async () => {
    const box = await runtime().start();
    await runtime().must('pause', box.id);
    expect((await runtime().call('exec', box.id, 'true')).code).not.toBe(0);
    await runtime().must('resume', box.id);
    expect((await runtime().call('exec', box.id, 'true')).code).toBe(0);
  });

  needsCgroup('what is paused can be killed and deleted by force', async () => {
    const box = await runtime().start();
    await runtime().must('pause', box.id);
    await runtime().must('delete', '--force', box.id);
    expect((await runtime().call('state', box.id)).code).not.toBe(0);
  });

  needsCgroup('resume of what is not paused is an error', async () => {
    const box = await runtime().start();
    expect((await runtime().call('resume', box.id)).code).not.toBe(0);
  });

  needsCgroup('ps lists the processes, as numbers and as a table', async () => {
    const box = await runtime().start('sleep 999 & exec sleep 1000');
    const { pid } = await runtime().state(box.id);
    const pids = JSON.parse(await runtime().must('ps', '--format', 'json', box.id)) as number[];
    expect(pids).toContain(pid);
    expect(await runtime().must('ps', box.id)).toMatch(/PID[\s\S]*sleep/);
  });

  needsCgroup('kill --all reaches every process', async () => {
    const box = await runtime().start('sleep 999 & exec sleep 1000');
    await runtime().must('kill', '--all', box.id, 'KILL');
    await runtime().becomes(box.id, 'stopped');
  });

  unless(who === 'user' || name === 'crun', `${NO_ROOT}; ${NOT_TRIED}`)('events --stats counts', async () => {
    const box = await runtime().start();
    const event = JSON.parse(await runtime().must('events', '--stats', box.id)) as {
      type: string;
      id: string;
      data: { cpu: object };
    };
    expect(event).toMatchObject({ type: 'stats', id: box.id });
    expect(event.data.cpu).toBeTypeOf('object');
  });

  test('checkpoint of what does not exist is an error', async () => {
    expect((await runtime().call('checkpoint', 'no-such')).code).not.toBe(0);
  });
});
