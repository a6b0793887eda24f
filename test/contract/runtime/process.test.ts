// runtime-spec config.md#process: user, variables, directory, limits, capabilities.

import { expect, test } from 'vitest';
import { everyRuntime } from './runtime.ts';
import { NO_ROOT, unless } from '../unless.ts';

everyRuntime('process', (runtime, name, who) => {
  test('args are passed as they are', async () => {
    const args = ['printf', '%s|', 'a b', '', '$HOME', "it's"];
    expect(await runtime().output('', (spec) => (spec.process!.args = args))).toBe("a b||$HOME|it's|");
  });

  test('a program is sought in the PATH of its variables', async () => {
    expect(await runtime().output('', (spec) => (spec.process!.args = ['busybox', 'echo', 'found']))).toBe('found');
  });

  test('a path with a slash is taken from the root', async () => {
    expect(await runtime().output('', (spec) => (spec.process!.args = ['/bin/busybox', 'echo', 'x']))).toBe('x');
  });

  test('env is all that the program gets', async () => {
    const env = await runtime().output('env', (spec) => (spec.process!.env = ['PATH=/bin', 'ONE=1', 'TWO=a=b c']));
    const own = env.split('\n').filter((line) => !/^(HOME|PWD|SHLVL|OLDPWD|_)=/.test(line));
    expect(own.sort()).toEqual(['ONE=1', 'PATH=/bin', 'TWO=a=b c']);
  });

  test('cwd is the working directory', async () => {
    expect(await runtime().output('pwd', (spec) => (spec.process!.cwd = '/tmp'))).toBe('/tmp');
  });

  test('rlimits are set', async () => {
    const script = 'ulimit -Sn; ulimit -Hn; ulimit -c';
    const edit = (spec: { process?: { rlimits?: object[] } }) =>
      (spec.process!.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ]);
    expect(await runtime().output(script, edit)).toBe('100\n200\n0');
  });

  test('an unknown rlimit is refused', async () => {
    const { code } = await runtime().run('true', (spec) => {
      spec.process!.rlimits = [{ type: 'RLIMIT_NOPE', soft: 1, hard: 1 }];
    });
    expect(code).not.toBe(0);
  });

  test('the capabilities are those of the configuration, and no others', async () => {
    const caps = ['CAP_CHOWN', 'CAP_KILL'];
    const status = await runtime().output('grep Cap /proc/self/status', (spec) => {
      spec.process!.capabilities = { bounding: caps, effective: caps, permitted: caps, inheritable: [], ambient: [] };
    });
    const mask = (1n << 0n) | (1n << 5n);
    for (const set of ['Prm', 'Eff', 'Bnd']) {
      expect(BigInt(`0x${new RegExp(`Cap${set}:\\s*(\\w+)`).exec(status)![1]}`), set).toBe(mask);
    }
  });

  test('no capabilities at all', async () => {
    const status = await runtime().output('grep Cap /proc/self/status', (spec) => {
      spec.process!.capabilities = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
    });
    expect(status.match(/0000000000000000/g)).toHaveLength(5);
  });

  unless(who === 'user', NO_ROOT)('ambient capabilities reach a program of another user', async () => {
    const caps = ['CAP_NET_BIND_SERVICE'];
    const status = await runtime().output('grep CapEff /proc/self/status', (spec) => {
      spec.process!.user = { uid: 1000, gid: 1000 };
      spec.process!.capabilities = {
        bounding: caps,
        effective: caps,
        permitted: caps,
        inheritable: caps,
        ambient: caps,
      };
    });
    expect(status).toContain('0000000000000400');
  });

  test('no_new_privs is set where it is asked for, and not where not', async () => {
    for (const wanted of [true, false]) {
      const status = await runtime().output('grep NoNewPrivs /proc/self/status', (spec) => {
        spec.process!.noNewPrivileges = wanted;
      });
      expect(status).toMatch(wanted ? /1$/ : /0$/);
    }
  });

  unless(who === 'user', NO_ROOT)('user, group, further groups', async () => {
    const ids = await runtime().output('id -u; id -g; id -G', (spec) => {
      spec.process!.user = { uid: 1000, gid: 1001, additionalGids: [5, 7] };
    });
    expect(ids).toBe('1000\n1001\n1001 5 7');
  });

  test('umask', async () => {
    expect(await runtime().output('umask', (spec) => (spec.process!.user.umask = 0o027))).toBe('0027');
  });

  test('oomScoreAdj', async () => {
    expect(await runtime().output('cat /proc/self/oom_score_adj', (spec) => (spec.process!.oomScoreAdj = 500))).toBe(
      '500',
    );
  });

  test('it is process 1 of its pid namespace, and leads a session', async () => {
    expect(await runtime().output('echo $$; awk "{print \\$6}" /proc/1/stat')).toBe('1\n1');
  });

  test('every signal has its default action and none is blocked', async () => {
    const status = await runtime().output(
      '',
      (spec) => (spec.process!.args = ['grep', '-E', 'Sig(Ign|Blk)', '/proc/self/status']),
    );
    const bits = [...status.matchAll(/(Sig\w+):\s*(\w+)/g)].map(([, , mask]) => BigInt(`0x${mask}`));
    // crun and runc leave what they were started with
    if (name === 'punnet-runc') expect(bits).toEqual([0n, 0n]);
    else expect(bits).toHaveLength(2);
  });
});
