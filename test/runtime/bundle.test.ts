// What other engines hand to an OCI runtime, on this kernel: config.json → plan → walk, as root and as an unprivileged user.

import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBundle, runBundle, unmet, type Bundle, type Wanted, type Who } from './bundle.ts';

const WHO: Who[] = ['root', 'user'];

for (const who of WHO) {
  describe.skipIf(unmet(who))(`a bundle as ${who}`, () => {
    let bundle: Bundle;
    beforeAll(() => {
      bundle = makeBundle(who);
    });
    afterAll(() => bundle.remove());

    /** What the script said on stdout; anything else that happened is an error. */
    const inside = async (script: string, wanted: Wanted = {}) => {
      const { stdout, stderr, code, error } = await runBundle(bundle, script, wanted);
      expect({ error, stderr, code }).toEqual({ error: undefined, stderr: '', code: 0 });
      return stdout.trimEnd();
    };

    test('the configuration of `runc spec` runs, and its exit code comes back', async () => {
      expect(await inside('echo $$; hostname; pwd; cat /proc/1/comm; true')).toBe('1\nrunc\n/\nsh');
      expect((await runBundle(bundle, 'exit 42')).code).toBe(42);
    });

    test('devices are there with Docker’s modes, and the host’s are as before', async () => {
      const before = statSync('/dev/null').ino;
      expect(await inside('for d in null zero full random urandom tty; do stat -c "%n %a %t:%T" /dev/$d; done')).toBe(
        ['null 666 1:3', 'zero 666 1:5', 'full 666 1:7', 'random 666 1:8', 'urandom 666 1:9', 'tty 666 5:0']
          .map((line) => `/dev/${line}`)
          .join('\n'),
      );
      expect(await inside('echo x > /dev/null; head -c 2 /dev/zero | wc -c')).toBe('2');
      expect(statSync('/dev/null').ino).toBe(before);
    });

    test('nothing that is mounted reaches the host, and the old root is gone', async () => {
      const before = readFileSync('/proc/self/mountinfo', 'utf8');
      const seen = await inside('grep -c . /proc/self/mountinfo; grep -c punnet /proc/self/mountinfo; ls /');
      expect(seen).toMatch(/^\d+\n\d+\nbin\ndev\netc\nproc\nroot\nsys\ntmp$/);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
    });

    test('the root is read-only, masks mask, read-only paths are so', async () => {
      expect(await inside('touch /x 2>&1; cat /proc/keys; echo 1 2>&1 > /proc/sys/kernel/hostname; true')).toMatch(
        /Read-only file system[\s\S]*(Read-only file system|can't create)/,
      );
    });

    test('created through a fifo it waits for a byte, and nothing kills it when its creator ends', async () => {
      expect(await inside('echo started; grep -E "^(CapEff|NoNewPrivs):" /proc/self/status', { fifo: true })).toBe(
        'started\nCapEff:\t0000000020000420\nNoNewPrivs:\t1',
      );
    });

    test('a program that is missing is said while the container is created', async () => {
      const edit: Wanted['edit'] = (spec) => void (spec.process!.args = ['no-such-program']);
      const { error } = await runBundle(bundle, '', { edit, fifo: true });
      expect(error).toMatch(/no-such-program: ENOENT/);
    });

    test('hooks before the start see the host’s paths, the container’s mounts below its root, and the pid', async () => {
      const seen = join(bundle.directory, 'seen');
      const say = `cat > ${seen}; stat -c %t:%T ${bundle.rootfs}/dev/null > ${seen}.device`;
      const edit: Wanted['edit'] = (spec) => {
        spec.hooks = {
          createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `readlink /proc/self/ns/mnt > ${seen}.runtime`] }],
          createContainer: [{ path: '/bin/sh', args: ['sh', '-c', say] }],
        };
      };
      expect(await inside('ls / | head -2', { edit })).toBe('bin\ndev');
      expect(readFileSync(`${seen}.runtime`, 'utf8').trim()).toBe(readlinkSync('/proc/self/ns/mnt'));
      const state = { id: 'test', status: 'creating', bundle: bundle.directory };
      expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject(state);
      expect(readFileSync(`${seen}.device`, 'utf8')).toBe('1:3\n');
    });

    test('with no pivot_root the root is moved, and `..` leads nowhere', async () => {
      expect(await inside('cd ..; cd ..; ls -d etc/shadow tmp 2>/dev/null; true', { options: { noPivot: true } })).toBe(
        'tmp',
      );
    });

    test('limits are set by the creator', async () => {
      const edit: Wanted['edit'] = (spec) => {
        spec.process!.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }];
        spec.process!.oomScoreAdj = 500;
      };
      expect(await inside('ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj', { edit, fifo: true })).toBe(
        '100\n200\n500',
      );
    });
  });
}

describe.skipIf(unmet('user'))('many ids of an unprivileged user', () => {
  let bundle: Bundle;
  beforeAll(() => {
    bundle = makeBundle('user');
  });
  afterAll(() => bundle.remove());

  test('newuidmap writes their maps, and groups can be set then', async () => {
    const { subordinateIds } = await import('../../src/rootless/account.ts');
    const { testUser } = await import('../support/user.ts');
    const name = process.getuid!() === 0 ? testUser().name : userInfo().username;
    const ids = subordinateIds({ uid: bundle.ids.uid, name });
    const maps = (own: number, range: { start: number; count: number }) => [
      { containerID: 0, hostID: own, size: 1 },
      { containerID: 1, hostID: range.start, size: range.count },
    ];
    const edit: Wanted['edit'] = (spec) => {
      spec.linux!.uidMappings = maps(bundle.ids.uid, ids.uid[0]!);
      spec.linux!.gidMappings = maps(bundle.ids.gid, ids.gid[0]!);
      spec.process!.user = { uid: 7, gid: 8, additionalGids: [9, 10] };
    };
    const { stdout, error } = await runBundle(bundle, 'id', { edit });
    expect(error).toBe(undefined);
    expect(stdout).toMatch(/^uid=7 gid=8 groups=8?,?9,10\n$/);
  });
});
