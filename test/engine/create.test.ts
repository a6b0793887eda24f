// What create makes of a request, and what it refuses, in Docker's words.
import { describe, expect, test } from 'vitest';
import type { ContainerConfigBody, CreateBody, HostConfigBody } from '../../src/api/types.ts';
import { checkShape } from '../../src/engine/container/body-shape.ts';
import { completeHostConfig } from '../../src/engine/container/host-config.ts';
import { commandLine, mergeImage } from '../../src/engine/container/merge-image.ts';
import { wantedMounts } from '../../src/engine/container/mount-points.ts';
import { checkName, suggestName } from '../../src/engine/container/name.ts';
import type { CgroupLimits } from '../../src/runtime/cgroup.ts';
import { refuseUnsupported } from '../../src/engine/container/unsupported.ts';
import { lookUpUser } from '../../src/engine/container/user.ts';
import { verify } from '../../src/engine/container/verify.ts';

const ALL: CgroupLimits = {
  memory: true,
  swap: true,
  memoryReservation: true,
  pids: true,
  cpuCfs: true,
  cpuShares: true,
  cpuset: true,
  cpus: '0-1',
  mems: '0',
  blkioWeight: true,
  blkioThrottle: true,
};
const NONE = Object.fromEntries(
  Object.entries(ALL).map(([name, value]) => [name, typeof value === 'boolean' ? false : '']),
) as unknown as CgroupLimits;

describe('the body', () => {
  test.each([
    [{ Cmd: 5 }, 'invalid JSON: Cmd must be'],
    [{ Env: ['a', 1] }, 'invalid JSON: Env must be'],
    [{ HostConfig: { Memory: '64m' } }, 'invalid JSON: HostConfig.Memory must be an integer'],
    [{ HostConfig: [] }, 'invalid JSON: HostConfig must be an object'],
    [{ Hostname: 'a\0b' }, 'invalid JSON: Hostname must be a string'],
  ])('%j is refused', (body, message) => {
    expect(() => checkShape(body as unknown as CreateBody)).toThrow(message);
  });

  test('unknown fields and nulls are left out', () => {
    const shape = checkShape({ Image: 'a', Nonsense: 1, Cmd: null, HostConfig: null } as CreateBody);
    expect(shape).toEqual({ config: { Image: 'a' }, hostConfig: {}, endpoints: {} });
  });
});

describe('entrypoint and command', () => {
  const image = { Entrypoint: ['/entry'], Cmd: ['default'] };
  test.each<[string, ContainerConfigBody, string[]]>([
    ['nothing given: both of the image', {}, ['/entry', 'default']],
    ['a command replaces the command', { Cmd: ['mine'] }, ['/entry', 'mine']],
    ['an entrypoint resets the command', { Entrypoint: ['/mine'] }, ['/mine']],
    ['both given', { Entrypoint: ['/mine'], Cmd: ['x'] }, ['/mine', 'x']],
    ['an empty entrypoint with a command', { Entrypoint: [''], Cmd: ['x'] }, ['x']],
  ])('%s', (_title, config, expected) => {
    expect(commandLine(mergeImage(config, image))).toEqual(expected);
  });

  test('neither is an error', () => {
    expect(() => mergeImage({}, {})).toThrow('no command specified');
    expect(() => mergeImage({ Entrypoint: [''] }, image)).toThrow('no command specified');
  });

  test('the environment of the client wins by name; labels and volumes are united', () => {
    const merged = mergeImage(
      { Cmd: ['x'], Env: ['A=1', 'B'], Labels: { l: 'mine' } },
      { Env: ['A=0', 'B=0', 'C=0'], Labels: { l: 'image', m: 'image' }, Volumes: { '/v': {} } },
    );
    expect(merged.Env).toEqual(['A=1', 'B', 'C=0']);
    expect(merged.Labels).toEqual({ l: 'mine', m: 'image' });
    expect(merged.Volumes).toEqual({ '/v': {} });
  });
});

describe('what is wrong is said', () => {
  test.each<[ContainerConfigBody, HostConfigBody, string]>([
    [{ WorkingDir: 'rel' }, {}, "the working directory 'rel' is invalid, it needs to be an absolute path"],
    [{ StopSignal: 'NOSIG' }, {}, 'invalid signal: NOSIG'],
    [{ Env: ['=x'] }, {}, 'invalid environment variable: =x'],
    [{ Hostname: 'h'.repeat(65) }, {}, 'is too long (maximum 64 bytes)'],
    [{ Hostname: 'h' }, { UTSMode: 'host' }, 'conflicting options: hostname and the UTS mode'],
    [{}, { Memory: 1 << 20 }, 'Minimum memory limit allowed is 6MB'],
    [{}, { Memory: 32 << 20, MemorySwap: 16 << 20 }, 'Minimum memoryswap limit should be larger than memory limit'],
    [{}, { MemorySwap: 16 << 20 }, 'You should always set the Memory limit when using Memoryswap limit'],
    [{}, { NanoCpus: 1e15 }, 'range of CPUs is from 0.01 to'],
    [{}, { NanoCpus: 1e8, CpuQuota: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [{}, { CpuQuota: 5 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [{}, { CpusetCpus: '0-x' }, 'Invalid value 0-x for cpuset cpus'],
    [{}, { CpusetCpus: '7' }, 'Requested CPUs are not available - requested 7, available: 0-1'],
    [{}, { BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
    [{}, { CapAdd: ['nope'] }, 'invalid CapAdd: unknown capability: "CAP_NOPE"'],
    [{}, { IpcMode: 'odd' }, 'invalid IPC mode: odd'],
    [{}, { OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
    [{}, { AutoRemove: true, RestartPolicy: { Name: 'always' } }, "can't create 'AutoRemove' container"],
    [{}, { RestartPolicy: { Name: 'odd' } }, "invalid restart policy: unknown policy 'odd'"],
    [{}, { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } }, "can only be used with 'on-failure'"],
    [{}, { ExtraHosts: ['nocolon'] }, 'bad format for add-host: "nocolon"'],
    [{}, { Runtime: 'kata' }, 'unknown or invalid runtime name: kata'],
  ])('%j %j', (config, host, message) => {
    expect(() => verify(config, host, ALL)).toThrow(message);
  });

  test('limits that this host cannot apply are warned of and taken out', () => {
    const host: HostConfigBody = { Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 10, CpuShares: 5, BlkioWeight: 100 };
    expect(verify({}, host, NONE)).toEqual([
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
      'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
      'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ]);
    expect(host).toMatchObject({ Memory: 0, MemorySwap: -1, NanoCpus: 0, PidsLimit: null, CpuShares: 0 });
  });

  test('limits that it can apply are left as they are', () => {
    const host: HostConfigBody = { Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 10 };
    expect(verify({}, host, ALL)).toEqual([]);
    expect(host).toMatchObject({ Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 10 });
  });
});

describe('what is not supported yet is refused by name', () => {
  test.each<[ContainerConfigBody, HostConfigBody, string]>([
    [{}, { StorageOpt: { size: '1g' } }, 'HostConfig.StorageOpt (--storage-opt) is not supported yet'],
    [{}, { DeviceRequests: [{}] }, 'HostConfig.DeviceRequests (--gpus) is not supported yet'],
  ])('%j %j', (config, host, message) => {
    expect(() => refuseUnsupported(config, host)).toThrow(message);
  });

  test('zero values pass', () => {
    const host: HostConfigBody = {
      Links: null,
      VolumesFrom: [],
      LogConfig: { Type: '', Config: {} },
    };
    expect(() => refuseUnsupported({ Healthcheck: { Test: ['NONE'] } }, host)).not.toThrow();
  });
});

describe('mounts', () => {
  const points = (host: HostConfigBody, config: ContainerConfigBody = {}) =>
    wantedMounts(config, host).map(({ point: { Type, Source, Destination, RW, Propagation }, create, volume }) => [
      Type,
      Source,
      Destination,
      RW,
      Propagation,
      create,
      volume !== undefined,
    ]);

  test('-v in its forms', () => {
    expect(points({ Binds: ['/a:/b', '/a/../c:/d/:ro,rslave', '/anonymous'] })).toEqual([
      ['bind', '/a', '/b', true, 'rprivate', true, false],
      ['bind', '/c', '/d', false, 'rslave', true, false],
      ['volume', '', '/anonymous', true, '', false, true],
    ]);
  });

  test('volumes of the image give way to mounts of the client', () => {
    const mounts = points({ Binds: ['/a:/v'], Tmpfs: { '/t': '' } }, { Volumes: { '/v': {}, '/t': {}, '/w': {} } });
    expect(mounts.map((mount) => mount[2])).toEqual(['/v', '/w']);
  });

  test.each<[HostConfigBody, string]>([
    [{ Binds: ['/a:rel'] }, "invalid volume specification: '/a:rel': invalid mount path: 'rel' mount path must be"],
    [{ Binds: ['/a:/'] }, "invalid specification: destination can't be '/'"],
    [{ Binds: ['/a:/b:odd'] }, 'invalid mode: odd'],
    [{ Binds: ['/a:/b:ro,rw'] }, 'invalid mode: ro,rw'],
    [{ Binds: ['/a:/b', '/c:/b'] }, 'Duplicate mount point: /b'],
    [{ Binds: ['../x:/b'] }, 'includes invalid characters for a local volume name'],
    [
      { Mounts: [{ Type: 'bind', Source: '/nonexistent/x', Target: '/t' }] },
      'invalid mount config for type "bind": bind source path does not exist: /nonexistent/x',
    ],
    [
      { Mounts: [{ Type: 'bind', Target: '/t' }] },
      'invalid mount config for type "bind": field Source must not be empty',
    ],
    [{ Mounts: [{ Type: 'tmpfs', Source: 'x', Target: '/t' }] }, 'field Source must not be specified'],
    [{ Mounts: [{ Type: 'odd', Target: '/t' }] }, 'invalid mount config for type "odd": mount type unknown'],
    [{ Mounts: [{ Type: 'tmpfs', Target: '/t', BindOptions: {} }] }, 'BindOptions must not be specified on mount type'],
  ])('%j', (host, message) => {
    expect(() => wantedMounts({}, host)).toThrow(message);
  });
});

describe('users', () => {
  const files = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235:App:/home/app:/bin/sh\n',
    group: 'root:x:0:\nappgroup:x:1235:\nextra:x:2000:other,app\n',
  };
  test.each<[string, string[], object]>([
    ['', [], { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
    ['app', [], { uid: 1234, gid: 1235, additionalGids: [1235, 2000], home: '/home/app' }],
    ['app:root', [], { uid: 1234, gid: 0, additionalGids: [0], home: '/home/app' }],
    ['99:98', [], { uid: 99, gid: 98, additionalGids: [98], home: '/' }],
    ['99', ['extra', '7'], { uid: 99, gid: 0, additionalGids: [0, 2000, 7], home: '/' }],
  ])('%j with %j', (text, groups, expected) => {
    expect(lookUpUser(text, files, groups)).toEqual(expected);
  });

  test.each<[string, string[], string]>([
    ['nosuch', [], 'unable to find user nosuch: no matching entries in passwd file'],
    ['app:nosuch', [], 'unable to find group nosuch: no matching entries in group file'],
    ['app', ['nosuch'], 'Unable to find group nosuch'],
    ['4294967295', [], 'uids and gids must be in range 0-2147483647'],
  ])('%j with %j is an error', (text, groups, message) => {
    expect(() => lookUpUser(text, files, groups)).toThrow(message);
  });

  test('an image without passwd has root all the same', () => {
    const none = { passwd: undefined, group: undefined };
    expect(lookUpUser('', none)).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: '/' });
  });
});

test('names are checked as Docker does, and made up where none is given', () => {
  expect(checkName('/good.name-1')).toBe('good.name-1');
  for (const bad of ['', 'a', '-x', 'a b', 'ü1']) {
    expect(() => checkName(bad)).toThrow('only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed');
  }
  expect(suggestName(0)).toMatch(/^[a-z]+_[a-z]+$/);
  expect(suggestName(1)).toMatch(/^[a-z]+_[a-z]+\d$/);
});

test('HostConfig is completed with the defaults that inspect shows', () => {
  expect(completeHostConfig({ Memory: 64 << 20, NetworkMode: 'default' })).toMatchObject({
    NetworkMode: 'bridge',
    MemorySwap: 128 << 20,
    IpcMode: 'private',
    ShmSize: 64 << 20,
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
    MaskedPaths: expect.arrayContaining(['/proc/kcore']) as string[],
  });
  expect(completeHostConfig({ Privileged: true }).MaskedPaths).toBeNull();
});
