import { describe, expect, test } from 'vitest';
import type { ContainerConfigBody, HostConfigBody } from '../../src/api/types.ts';
import { containerSpec } from '../../src/engine/container/spec.ts';
import type { BoundMount } from '../../src/engine/container/spec-mounts.ts';
import { specResources, specRlimits } from '../../src/engine/container/spec-resources.ts';
import { securityOptions } from '../../src/engine/container/spec-security.ts';
import { chooseCapabilities, DEFAULT_CAPABILITIES } from '../../src/runtime/capabilities.ts';
import type { HostFacts } from '../../src/runtime/host-facts.ts';

const MAP = [
  { containerID: 0, hostID: 1001, size: 1 },
  { containerID: 1, hostID: 100000, size: 65535 },
];
const FACTS: HostFacts = {
  uidMap: MAP,
  gidMap: MAP,
  oomScoreAdj: 200,
  kernel: '6.1',
  arch: 'x64',
  mqueue: true,
  devices: ['/dev/fuse'],
};

const spec = (config: ContainerConfigBody, hostConfig: HostConfigBody, mounts: BoundMount[] = [], facts = FACTS) =>
  containerSpec({
    record: { id: 'c', path: 'sh', args: ['-c', 'x'], config, hostConfig, mounts },
    user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
    facts,
    init: '/run/shim',
    rootfs: '/rootfs',
  });
const mountsOn = (found: ReturnType<typeof spec>, destination: string) =>
  (found.mounts ?? []).filter((mount) => mount.destination === destination);
const bind = (Source: string, Destination: string, RW = true): BoundMount => {
  return { Type: 'bind', Source, Destination, Mode: '', RW, Propagation: '' };
};

describe('capabilities are chosen by Docker’s rules', () => {
  test.each([
    [{}, DEFAULT_CAPABILITIES.length, 'CAP_CHOWN', true],
    [{ add: ['net_admin'] }, 15, 'CAP_NET_ADMIN', true],
    [{ drop: ['CAP_CHOWN'] }, 13, 'CAP_CHOWN', false],
    [{ add: ['ALL'], drop: ['SYS_ADMIN'] }, 40, 'CAP_SYS_ADMIN', false],
    [{ add: ['CHOWN'], drop: ['ALL'] }, 1, 'CAP_CHOWN', true],
    [{ add: ['CHOWN'], drop: ['CHOWN'] }, 14, 'CAP_CHOWN', true],
    [{ drop: ['ALL'], privileged: true }, 41, 'CAP_SYS_ADMIN', true],
  ])('%j', (choice, count, name, held) => {
    const chosen = chooseCapabilities(choice);
    expect(chosen).toHaveLength(count);
    expect(chosen.includes(name)).toBe(held);
  });
});

describe('mounts', () => {
  test('a mount of the user takes the place of the default one; parents come first', () => {
    const found = spec({}, { Tmpfs: { '/dev/shm': 'size=1m' } }, [bind('/b', '/data/deep'), bind('/a', '/data')]);
    expect(mountsOn(found, '/dev/shm')).toHaveLength(1);
    expect(mountsOn(found, '/dev/shm')[0]!.options).toContain('size=1m');
    const places = found.mounts!.map(({ destination }) => destination);
    expect(places.indexOf('/data')).toBeLessThan(places.indexOf('/data/deep'));
  });

  test('a /dev of the user takes all defaults below it away', () => {
    const found = spec({}, {}, [bind('/dev', '/dev')]);
    expect(found.mounts!.filter(({ destination }) => destination.startsWith('/dev'))).toHaveLength(1);
  });

  test('read-only is recursive unless asked otherwise', () => {
    expect(mountsOn(spec({}, {}, [bind('/a', '/a', false)]), '/a')[0]!.options).toEqual(['rbind', 'rprivate', 'rro']);
    const Mounts = [{ Type: 'bind', Source: '/a', Target: '/a', BindOptions: { ReadOnlyNonRecursive: true } }];
    expect(mountsOn(spec({}, { Mounts }, [bind('/a', '/a', false)]), '/a')[0]!.options).toContain('ro');
  });

  test('a later tmpfs option wins over Docker’s own, and an unknown one is refused', () => {
    const [tmp] = mountsOn(spec({}, { Tmpfs: { '/tmp': 'exec,size=64k' } }), '/tmp');
    expect(tmp!.options).toEqual(['nosuid', 'nodev', 'exec', 'size=64k']);
    expect(() => spec({}, { Tmpfs: { '/tmp': 'nonsense' } })).toThrow('invalid tmpfs option ["nonsense"]');
  });

  test('with the host’s network, sysfs is bound: it could not be mounted', () => {
    expect(mountsOn(spec({}, { NetworkMode: 'host' }), '/sys')[0]).toMatchObject({ type: 'bind', source: '/sys' });
    expect(mountsOn(spec({}, { NetworkMode: 'none' }), '/sys')[0]).toMatchObject({ type: 'sysfs' });
  });

  test('terminals belong to group 5 only where there is such a group', () => {
    const single = { ...FACTS, gidMap: [{ containerID: 0, hostID: 1001, size: 1 }] };
    expect(mountsOn(spec({}, {}), '/dev/pts')[0]!.options).toContain('gid=5');
    expect(mountsOn(spec({}, {}, [], single), '/dev/pts')[0]!.options).not.toContain('gid=5');
  });
});

describe('process', () => {
  test('the id maps repeat the daemon’s, line by line', () => {
    expect(spec({}, {}).linux!.uidMappings).toEqual([
      { containerID: 0, hostID: 0, size: 1 },
      { containerID: 1, hostID: 1, size: 65535 },
    ]);
    expect(spec({}, { UsernsMode: 'host' }).linux!.uidMappings).toBeUndefined();
  });

  test('variables: Docker’s, replaced by the container’s, taken away by a name alone', () => {
    const { env } = spec({ Hostname: 'box', Tty: true, Env: ['PATH=/x', 'TERM', 'A=b=c'] }, {}).process!;
    expect(env).toEqual(['PATH=/x', 'HOSTNAME=box', 'A=b=c', 'HOME=/root']);
  });

  test('--init goes before the command and is bound read-only', () => {
    const found = spec({}, { Init: true });
    expect(found.process!.args).toEqual(['/sbin/docker-init', '--', 'sh', '-c', 'x']);
    expect(mountsOn(found, '/sbin/docker-init')[0]).toMatchObject({
      source: '/run/shim',
      options: ['bind', 'rprivate', 'ro'],
    });
  });

  test('an out-of-memory score cannot be lower than the daemon’s own', () => {
    expect(spec({}, { OomScoreAdj: -500 }).process!.oomScoreAdj).toBe(200);
    expect(spec({}, { OomScoreAdj: 300 }).process!.oomScoreAdj).toBe(300);
    expect(spec({}, {}).process!.oomScoreAdj).toBeUndefined();
  });

  test('modes that are unknown or not supported are refused by name', () => {
    expect(() => spec({}, { PidMode: 'odd' })).toThrow('--pid: invalid mode: "odd"');
    expect(() => spec({}, { IpcMode: 'container:x' })).toThrow('--ipc container:x is not supported');
  });

  test('ulimits have Docker’s names', () => {
    expect(specRlimits([{ Name: 'nofile', Soft: 1, Hard: 2 }])).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }]);
    expect(() => specRlimits([{ Name: 'apples', Soft: 1, Hard: 2 }])).toThrow('invalid ulimit type: apples');
    expect(() => specRlimits([{ Name: 'nofile', Soft: 3, Hard: 2 }])).toThrow(
      'must be less than or equal to hard limit: 3 > 2',
    );
  });
});

describe('security options', () => {
  test('are decoded', () => {
    const decoded = securityOptions([
      'no-new-privileges',
      'writable-cgroups=true',
      'seccomp=unconfined',
      'label=disable',
    ]);
    expect(decoded).toEqual({ noNewPrivileges: true, writableCgroups: true, seccomp: 'unconfined' });
    expect(securityOptions(['no-new-privileges:false']).noNewPrivileges).toBe(false);
    expect(securityOptions(['apparmor=unconfined']).seccomp).toBe('default');
  });

  test.each([
    ['nonsense', 'invalid --security-opt 1: "nonsense"'],
    ['a=b', 'invalid --security-opt 2: "a=b"'],
    ['no-new-privileges=maybe', 'invalid --security-opt 2: "no-new-privileges=maybe"'],
    ['seccomp={', 'Decoding seccomp profile failed'],
    ['seccomp=[]', 'Decoding seccomp profile failed: not an object'],
    ['apparmor=mine', 'AppArmor profile "mine" is not supported'],
    ['label=type:x', 'SELinux label "type:x" is not supported'],
  ])('%s is refused', (option, message) => {
    expect(() => securityOptions([option])).toThrow(message);
  });

  test('privileged takes filter and masks away', () => {
    const { linux } = spec({}, { Privileged: true });
    expect(linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    expect(linux!.seccomp).toBeUndefined();
    expect(mountsOn(spec({}, { Privileged: true }), '/dev/fuse')).toHaveLength(1);
  });
});

describe('limits', () => {
  const resources = (host: HostConfigBody) => specResources(host, () => ({ major: 8, minor: 0 }));

  test('zero means nothing was asked for', () => {
    expect(resources({ Memory: 0, NanoCpus: 0, PidsLimit: 0, CpuShares: 0, MemorySwappiness: -1 })).toEqual({});
  });

  test('--cpus is a quota in a tenth of a second; swap is as much as memory', () => {
    expect(resources({ NanoCpus: 1.5e9 }).cpu).toEqual({ period: 100_000, quota: 150_000 });
    expect(resources({ Memory: 100 }).memory).toEqual({ limit: 100, swap: 200 });
    expect(resources({ Memory: 100, MemorySwap: -1 }).memory).toEqual({ limit: 100, swap: -1 });
  });

  test('devices are given by their numbers', () => {
    expect(resources({ BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 5 }] }).blockIO).toEqual({
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }],
    });
  });
});
