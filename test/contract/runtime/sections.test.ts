// runtime-spec config.md and config-linux.md: root, mounts, namespaces, devices, masks, sysctl, seccomp.

import { lstatSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Spec, SpecMount } from '../../../src/base/oci-runtime.ts';
import { everyRuntime } from './runtime.ts';
import { NO_ROOT, unless } from '../unless.ts';

everyRuntime('root and mounts', (runtime) => {
  const mounting = (mount: SpecMount) => (spec: Spec) => void spec.mounts!.push(mount);

  test('a read-only root cannot be written', async () => {
    const { code, stderr } = await runtime().run('touch /x');
    expect(code).toBe(1);
    expect(stderr).toContain('Read-only file system');
  });

  test('a writable root can', async () => {
    const out = await runtime().output(
      'echo t >/tmp/written && cat /tmp/written && rm /tmp/written',
      (spec) => (spec.root!.readonly = false),
    );
    expect(out).toBe('t');
  });

  test('nothing of the host is above the root', async () => {
    expect(await runtime().output('ls -d /../../../bin/busybox; ls /home 2>/dev/null | wc -l')).toBe(
      '/../../../bin/busybox\n0',
    );
  });

  test('a bind mount shows the host’s directory', async () => {
    const box = runtime().prepare('cat /mnt/file');
    expect(box.id).not.toBe('');
    writeFileSync(join(box.bundle, 'file'), 'from the host\n');
    const out = await runtime().output(
      'cat /tmp/file',
      mounting({ destination: '/tmp', type: 'bind', source: box.bundle, options: ['bind'] }),
    );
    expect(out).toBe('from the host');
  });

  test('a read-only bind cannot be written', async () => {
    const box = runtime().prepare('true');
    const { code, stderr } = await runtime().run(
      'touch /tmp/x',
      mounting({ destination: '/tmp', type: 'bind', source: box.bundle, options: ['bind', 'ro'] }),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('Read-only');
  });

  test('a file can be bound on a file', async () => {
    const box = runtime().prepare('true');
    writeFileSync(join(box.bundle, 'one'), 'one\n');
    const mount = {
      destination: '/etc/passwd',
      type: 'bind',
      source: join(box.bundle, 'one'),
      options: ['bind', 'ro'],
    };
    expect(await runtime().output('cat /etc/passwd', mounting(mount))).toBe('one');
  });

  test('a source that does not exist is an error that names it', async () => {
    const { code, stderr } = await runtime().run(
      'true',
      mounting({ destination: '/tmp', type: 'bind', source: '/no/such/source', options: ['bind'] }),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('/no/such/source');
  });

  test('options of a tmpfs: size, noexec, nosuid, nodev', async () => {
    const mount = {
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['size=64k', 'noexec', 'nosuid', 'nodev'],
    };
    const out = await runtime().output('grep " /tmp " /proc/mounts', mounting(mount));
    for (const word of ['size=64k', 'noexec', 'nosuid', 'nodev']) expect(out).toContain(word);
  });

  test('mounts are done in their order', async () => {
    const out = await runtime().output('grep -c " /tmp" /proc/mounts; ls /tmp', (spec) => {
      spec.mounts!.push(
        { destination: '/tmp', type: 'tmpfs', source: 'a', options: ['size=64k'] },
        { destination: '/tmp/below', type: 'tmpfs', source: 'b', options: ['size=64k'] },
      );
    });
    expect(out).toBe('2\nbelow');
  });

  test('propagation: a mount can be made shared', async () => {
    const mount = { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['size=64k', 'shared'] };
    expect(await runtime().output('grep " /tmp " /proc/self/mountinfo', mounting(mount))).toContain('shared:');
  });

  test('masked paths read as nothing, read-only paths cannot be written', async () => {
    const { stdout, stderr } = await runtime().run(
      'cat /proc/kcore | wc -c; ls /proc/scsi /sys/firmware | grep -v : | grep -c .; echo x >/proc/sys/kernel/hostname',
    );
    expect(stdout.split('\n').slice(0, 2)).toEqual(['0', '0']);
    expect(stderr).toMatch(/Read-only|ermission denied/);
  });

  test('the six devices and the links are there', async () => {
    const out = await runtime().output(
      'cd /dev; for d in null zero full random urandom tty; do test -c $d && echo $d; done; readlink fd stdin; readlink stdout; readlink ptmx; head -c 4 zero | wc -c',
    );
    expect(out).toContain('null\nzero\nfull\nrandom\nurandom\ntty');
    expect(out).toMatch(/4$/);
  });

  test('/dev/null swallows, also for a program that may not write the root', async () => {
    expect(await runtime().output('echo x >/dev/null && echo fine')).toBe('fine');
  });
});

everyRuntime('namespaces', (runtime, _name, who) => {
  const kinds = { mount: 'mnt', pid: 'pid', ipc: 'ipc', uts: 'uts', network: 'net', cgroup: 'cgroup' } as const;
  const has = (spec: Spec, type: string) => spec.linux!.namespaces!.some((namespace) => namespace.type === type);

  for (const [type, file] of Object.entries(kinds)) {
    if (type === 'network' && who === 'user') continue;
    test(`a new ${type} namespace is not the host’s`, async () => {
      const link = await runtime().output(`readlink /proc/self/ns/${file}`, (spec) => {
        if (!has(spec, type)) spec.linux!.namespaces!.push({ type: type as 'pid' });
      });
      expect(link).toMatch(new RegExp(`^${file}:\\[\\d+\\]$`));
      expect(link).not.toBe(readlinkSync(`/proc/self/ns/${file}`));
    });
  }

  for (const [type, file] of [
    ['uts', 'uts'],
    ['ipc', 'ipc'],
  ] as const) {
    test(`without ${type} in the list the container is in the host’s`, async () => {
      const link = await runtime().output(`readlink /proc/self/ns/${file}`, (spec) => {
        spec.linux!.namespaces = spec.linux!.namespaces!.filter((namespace) => namespace.type !== type);
        if (type === 'uts') delete spec.hostname;
        if (type === 'ipc') spec.mounts = spec.mounts!.filter(({ type: kind }) => kind !== 'mqueue');
      });
      expect(link).toBe(readlinkSync(`/proc/self/ns/${file}`));
    });
  }

  test('the hostname is that of the configuration', async () => {
    expect(await runtime().output('hostname', (spec) => (spec.hostname = 'apple'))).toBe('apple');
  });

  test('a hostname without a uts namespace of its own is refused', async () => {
    const { code } = await runtime().run('true', (spec) => {
      spec.linux!.namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== 'uts');
    });
    expect(code).not.toBe(0);
  });

  test('a namespace by path is joined', async () => {
    const first = await runtime().start('exec sleep 1000', (spec) => (spec.hostname = 'first'));
    const { pid } = await runtime().state(first.id);
    const join_ = (spec: Spec) => {
      delete spec.hostname;
      spec.linux!.namespaces = spec.linux!.namespaces!.map((namespace) => {
        if (who === 'user' && namespace.type === 'user') return { type: 'user', path: `/proc/${pid}/ns/user` } as const;
        return namespace.type === 'uts' ? { type: 'uts', path: `/proc/${pid}/ns/uts` } : namespace;
      });
      if (who === 'user') {
        delete spec.linux!.uidMappings;
        delete spec.linux!.gidMappings;
      }
    };
    if (who === 'user') return; // joining without privileges is claimed by exec
    expect(await runtime().output('hostname', join_)).toBe('first');
  });

  test('a path that is no namespace is an error', async () => {
    const { code } = await runtime().run('true', (spec) => {
      delete spec.hostname;
      spec.linux!.namespaces = spec.linux!.namespaces!.map((each) =>
        each.type === 'uts' ? { type: 'uts', path: '/etc/passwd' } : each,
      );
    });
    expect(code).not.toBe(0);
  });

  test('the same namespace twice is refused', async () => {
    const { code } = await runtime().run('true', (spec) => void spec.linux!.namespaces!.push({ type: 'pid' }));
    expect(code).not.toBe(0);
  });

  unless(who === 'user', NO_ROOT)('an own network namespace has the loopback device alone, and it is up', async () => {
    expect(await runtime().output('ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1')).toBe('lo\n1');
  });

  unless(who === 'root', 'root maps all ids')('the user is root inside, and nobody else is mapped', async () => {
    const uid = process.getuid!() === 0 ? lstatSync(runtime().bundle.directory).uid : process.getuid!();
    expect((await runtime().output('id -u; cat /proc/self/uid_map')).split(/\s+/)).toEqual([
      '0',
      '0',
      String(uid),
      '1',
    ]);
  });
});

everyRuntime('sysctl and seccomp', (runtime, _name, who) => {
  test('a sysctl of an own ipc namespace is set', async () => {
    const out = await runtime().output(
      'cat /proc/sys/kernel/shm_rmid_forced',
      (spec) => (spec.linux!.sysctl = { 'kernel.shm_rmid_forced': '1' }),
    );
    expect(out).toBe('1');
  });

  unless(who === 'user', NO_ROOT)('a sysctl of an own network namespace is set', async () => {
    const out = await runtime().output(
      'cat /proc/sys/net/ipv4/ip_forward',
      (spec) => (spec.linux!.sysctl = { 'net.ipv4.ip_forward': '1' }),
    );
    expect(out).toBe('1');
  });

  test('a sysctl of the host is refused', async () => {
    expect((await runtime().run('true', (spec) => (spec.linux!.sysctl = { 'kernel.panic': '1' }))).code).not.toBe(0);
  });

  const filter =
    (action: 'SCMP_ACT_ERRNO' | 'SCMP_ACT_KILL_PROCESS', more: object = {}) =>
    (spec: Spec) => {
      spec.linux!.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names: ['mkdir', 'mkdirat'], action, ...more }],
      };
    };

  test('seccomp: errno', async () => {
    const { stderr } = await runtime().run('mkdir /dev/shm/x', filter('SCMP_ACT_ERRNO'));
    expect(stderr).toContain('Operation not permitted');
  });

  test('seccomp: another errno', async () => {
    const { stderr } = await runtime().run('mkdir /dev/shm/x', filter('SCMP_ACT_ERRNO', { errnoRet: 2 }));
    expect(stderr).toContain('No such file');
  });

  test('seccomp: kill', async () => {
    const { code, stdout } = await runtime().run('mkdir /dev/shm/x; echo $?', filter('SCMP_ACT_KILL_PROCESS'));
    expect([code, stdout]).toEqual([0, '159\n']);
  });

  test('seccomp: a rule with an argument', async () => {
    const out = await runtime().output(
      'chmod 700 /dev/shm && echo one; chmod 755 /dev/shm 2>/dev/null || echo two',
      (spec) => {
        spec.linux!.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          architectures: ['SCMP_ARCH_X86_64'],
          syscalls: [
            { names: ['chmod'], action: 'SCMP_ACT_ERRNO', args: [{ index: 1, value: 0o755, op: 'SCMP_CMP_EQ' }] },
          ],
        };
      },
    );
    expect(out).toBe('one\ntwo');
  });

  test('seccomp: an unknown action is refused', async () => {
    const { code } = await runtime().run('true', (spec) => {
      spec.linux!.seccomp = { defaultAction: 'SCMP_ACT_NOPE' as 'SCMP_ACT_ALLOW' };
    });
    expect(code).not.toBe(0);
  });
});
