// The walls: namespaces, capabilities, seccomp, no-new-privileges, privileged. Masks and verdicts are Docker's.

import { readlinkSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { differs } from '../differ.ts';
import { need } from '../support/need.ts';
import { onEveryEngine } from '../support/every-engine.ts';

/** Root may lack a capability here: Docker can then give nobody all of them; in its own user namespace punnet has them. */
const lacking = need('all-capabilities');

const DEFAULT_CAPS = '00000000a80425fb';

onEveryEngine('run: isolation', (engine) => {
  const caps = async (flags: string[], field = 'CapEff') =>
    (await engine.sh(`grep ${field} /proc/self/status | cut -f2`, flags)).trim();
  const namespace = (kind: string, flags: string[] = []) => engine.sh(`readlink /proc/self/ns/${kind}`, flags);
  const ours = (kind: string) => readlinkSync(`/proc/self/ns/${kind}`);

  describe('namespaces', () => {
    test.each(['pid', 'net', 'mnt', 'uts', 'ipc', 'cgroup'])('%s is its own', async (kind) => {
      const flags = kind === 'cgroup' ? ['--cgroupns', 'private'] : [];
      const [first, second] = [await namespace(kind, flags), await namespace(kind, flags)];
      expect(first).toMatch(new RegExp(`^${kind}:\\[\\d+\\]$`));
      expect(first).not.toBe(ours(kind));
      // Inode numbers of ended namespaces are used again; two that live at once differ.
      expect(second).not.toBe(ours(kind));
    });

    test('user is its own where the engine is rootless', async () => {
      expect((await namespace('user')) !== ours('user')).toBe(engine.spec.rootless);
    });

    test('--pid host sees the host’s processes', async () => {
      expect(await engine.sh(`test -d /proc/${process.pid} && echo seen`, ['--pid', 'host'])).toBe('seen');
    });

    test('--network host is the host’s network', async () => {
      const outcome = await engine.cli([
        'run',
        '--rm',
        '--network',
        'host',
        'busybox',
        'readlink',
        '/proc/self/ns/net',
      ]);
      expect(outcome.stdout.trim()).toBe(ours('net'));
    });

    test('--network none has the loopback device alone, and it is up', async () => {
      expect(await engine.sh('ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1')).toBe('lo\n1');
    });

    test('--uts host is the host’s hostname', async () => {
      expect(await namespace('uts', ['--uts', 'host'])).toBe(ours('uts'));
    });

    test('--hostname with --uts host is refused', async () => {
      const outcome = await engine.run(['--uts', 'host', '--hostname', 'x'], ['true']);
      expect(outcome.code).toBe(125);
      expect(outcome.stderr).toMatch(/conflicting options: hostname and the UTS mode/);
    });

    test('--ipc host is the host’s', async () => {
      expect(await namespace('ipc', ['--ipc', 'host'])).toBe(ours('ipc'));
    });

    test('--ipc private, shareable and none are its own; none has no /dev/shm', async () => {
      for (const mode of ['private', 'shareable', 'none'])
        expect(await namespace('ipc', ['--ipc', mode])).not.toBe(ours('ipc'));
      expect(await engine.sh('grep -c " /dev/shm " /proc/self/mountinfo || true', ['--ipc', 'none'])).toBe('0');
    });

    test('a malformed mode is refused', async () => {
      for (const flag of ['--pid', '--ipc', '--uts', '--userns', '--cgroupns']) {
        const outcome = await engine.run([flag, 'nonsense'], ['true']);
        expect([flag, outcome.code]).toEqual([flag, 125]);
      }
    });

    test('PID 1 is the program, and it sees itself and its children alone', async () => {
      expect(await engine.sh('echo $$; ls /proc | grep "^[0-9]" | head -1')).toBe('1\n1');
    });
  });

  describe('capabilities', () => {
    test('are Docker’s fourteen', async () => {
      for (const field of ['CapEff', 'CapPrm', 'CapBnd'])
        expect([field, await caps([], field)]).toEqual([field, DEFAULT_CAPS]);
      expect(await caps([], 'CapAmb')).toBe('0000000000000000');
      expect(await caps([], 'CapInh')).toBe('0000000000000000');
    });

    test.each([
      ['--cap-drop CHOWN', ['--cap-drop', 'CHOWN'], '00000000a80425fa'],
      ['--cap-drop cap_chown, any case', ['--cap-drop', 'cap_chown'], '00000000a80425fa'],
      ['--cap-add NET_ADMIN', ['--cap-add', 'NET_ADMIN'], '00000000a80435fb'],
      [
        '--cap-add SYS_PTRACE and --cap-drop MKNOD',
        ['--cap-add', 'SYS_PTRACE', '--cap-drop', 'MKNOD'],
        '00000000a00c25fb',
      ],
      ['--cap-drop ALL', ['--cap-drop', 'ALL'], '0000000000000000'],
      [
        '--cap-drop ALL --cap-add NET_BIND_SERVICE',
        ['--cap-drop', 'ALL', '--cap-add', 'NET_BIND_SERVICE'],
        '0000000000000400',
      ],
      ['--cap-add ALL --cap-drop SYS_ADMIN, without it', ['--cap-add', 'ALL', '--cap-drop', 'SYS_ADMIN'], undefined],
    ])('%s gives Docker’s mask', async (_title, flags, mask) => {
      if (!mask && lacking && !engine.spec.rootless) return;
      const found = await caps(flags as string[], 'CapBnd');
      if (mask) expect(found).toBe(mask);
      else expect((BigInt(`0x${found}`) >> 21n) & 1n).toBe(0n);
    });

    test('a user who is not root keeps the bounding set and has nothing effective', async () => {
      expect(await caps(['-u', '5'], 'CapEff')).toBe('0000000000000000');
      expect(await caps(['-u', '5'], 'CapBnd')).toBe(DEFAULT_CAPS);
    });

    test('without CHOWN, chown is refused', async () => {
      const outcome = await engine.run(['--cap-drop', 'CHOWN'], ['chown', '1', '/bin']);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining('Operation not permitted')]);
    });

    test('mount is refused', async () => {
      const outcome = await engine.run([], ['mount', '-t', 'tmpfs', 'none', '/tmp']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/permission denied|Operation not permitted/i);
    });
  });

  describe('seccomp and no-new-privileges', () => {
    test('the filter is on by default, and off when unconfined', async () => {
      expect(await engine.sh('grep "^Seccomp:" /proc/self/status | cut -f2')).toBe('2');
      expect(
        await engine.sh('grep "^Seccomp:" /proc/self/status | cut -f2', ['--security-opt', 'seccomp=unconfined']),
      ).toBe('0');
    });

    test('unshare of a user namespace is refused by default, and possible when unconfined', async () => {
      const refused = await engine.run([], ['unshare', '-U', 'true']);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/Operation not permitted/);
      expect((await engine.run(['--security-opt', 'seccomp=unconfined'], ['unshare', '-U', 'true'])).code).toBe(0);
    });

    test('a profile that is no JSON is refused', async () => {
      const outcome = await engine.run(['--security-opt', 'seccomp=/etc/hostname'], ['true']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/seccomp/i);
    });

    test('no-new-privileges is off by default and on when asked', async () => {
      const nnp = 'grep NoNewPrivs /proc/self/status | cut -f2';
      expect(await engine.sh(nnp)).toBe('0');
      expect(await engine.sh(nnp, ['--security-opt', 'no-new-privileges'])).toBe('1');
      expect(await engine.sh(nnp, ['--security-opt', 'no-new-privileges:true'])).toBe('1');
    });
  });

  describe('--privileged', () => {
    beforeEach((context) => {
      if (lacking && !engine.spec.rootless) context.skip(lacking);
    });

    test('has every capability that the engine itself has, no seccomp filter and nothing masked', async () => {
      const flags = ['--privileged'];
      const eff = BigInt(`0x${await caps(flags)}`);
      const sysAdmin = 1n << 21n;
      expect(eff & sysAdmin).toBe(sysAdmin);
      expect(await engine.sh('grep "^Seccomp:" /proc/self/status | cut -f2', flags)).toBe('0');
      expect(await engine.sh('grep -c " /proc/" /proc/self/mountinfo || true', flags)).toBe('0');
    });

    test('mounts a tmpfs', async () => {
      expect(
        await engine.sh(
          'mount -t tmpfs none /mnt 2>/dev/null || mkdir /mnt && mount -t tmpfs none /mnt; grep -c " /mnt tmpfs" /proc/mounts',
          ['--privileged'],
        ),
      ).toBe('1');
    });

    test('cannot set the host’s hostname', async () => {
      const before = await engine.cli(['info', '--format', '{{.Name}}']);
      await engine.sh('hostname changed-inside', ['--privileged']);
      expect((await engine.cli(['info', '--format', '{{.Name}}'])).stdout).toBe(before.stdout);
    });
  });

  describe('sysctls', () => {
    test('a namespaced one is set inside', async () => {
      expect(await engine.sh('cat /proc/sys/net/ipv4/ip_forward', ['--sysctl', 'net.ipv4.ip_forward=1'])).toBe('1');
      expect(await engine.sh('cat /proc/sys/kernel/msgmax', ['--sysctl', 'kernel.msgmax=12345'])).toBe('12345');
    });

    test('ports below 1024 are open to every user of the container, as in Docker', async () => {
      expect(await engine.sh('cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('0');
    });

    test('ping is open to the groups of the container', async () => {
      const [first, last] = (await engine.sh('cat /proc/sys/net/ipv4/ping_group_range')).split(/\s+/).map(Number);
      expect(first).toBe(0);
      if (differs(engine, 'ping-group-range')) expect(last).toBeGreaterThanOrEqual(65_535);
      else expect(last).toBe(2_147_483_647);
    });

    test('one of the host is refused', async () => {
      const outcome = await engine.run(['--sysctl', 'vm.swappiness=1'], ['true']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/vm\.swappiness/);
    });

    test('/proc/sys cannot be written, not even by root', async () => {
      const outcome = await engine.run([], ['sh', '-c', 'echo x > /proc/sys/kernel/hostname']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/Read-only file system/);
    });
  });
});
