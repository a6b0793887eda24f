import { describe, expect, test } from 'vitest';
import { cgroup2Mount, ownCgroup } from '../../src/runtime/cgroup-tree.ts';
import { cgroupValues, cpuWeight, ioWeight, swapMax } from '../../src/runtime/cgroup-values.ts';
import type { SpecResources } from '../../src/base/oci-runtime.ts';

const written = (resources: SpecResources) => cgroupValues(resources).map(({ file, value }) => `${file}=${value}`);

describe('resources become cgroup v2 values', () => {
  test('nothing asked, nothing written', () => {
    expect(written({})).toEqual([]);
  });

  test('swap counts memory too, so the memory is taken off', () => {
    expect(written({ memory: { limit: 100, swap: 250, reservation: 50 } })).toEqual([
      'memory.swap.max=150',
      'memory.max=100',
      'memory.low=50',
    ]);
  });

  test('-1 is unlimited', () => {
    expect(written({ memory: { limit: -1, swap: -1 }, pids: { limit: -1 } })).toEqual([
      'memory.swap.max=max',
      'memory.max=max',
      'pids.max=max',
    ]);
  });

  test('a swap limit needs a memory limit that is not above it', () => {
    expect(() => swapMax(100, undefined)).toThrow('unable to set swap limit without memory limit');
    expect(() => swapMax(100, 200)).toThrow('memory+swap limit should be >= memory limit');
    expect(swapMax(200, 200)).toBe('0');
  });

  test('quota and period make cpu.max; a period alone limits nothing', () => {
    expect(written({ cpu: { quota: 150_000, period: 100_000 } })).toEqual(['cpu.max=150000 100000']);
    expect(written({ cpu: { quota: 5000 } })).toEqual(['cpu.max=5000 100000']);
    expect(written({ cpu: { period: 50_000 } })).toEqual(['cpu.max=max 50000']);
    expect(written({ cpu: { quota: -1 } })).toEqual(['cpu.max=max 100000']);
  });

  test.each([
    [2, 1],
    [256, 35],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262144, 10000],
    [1, 1],
    [500000, 10000],
  ])('shares %i are weight %i', (shares, weight) => {
    expect(cpuWeight(shares)).toBe(weight);
  });

  test('the weight grows with the shares', () => {
    let last = 0;
    for (let shares = 2; shares <= 262144; shares = Math.ceil(shares * 1.01)) {
      expect(cpuWeight(shares)).toBeGreaterThanOrEqual(last);
      last = cpuWeight(shares);
    }
  });

  test('blkio weights are stretched where there is no bfq', () => {
    expect([10, 500, 1000].map(ioWeight)).toEqual([1, 4950, 10000]);
    expect(cgroupValues({ blockIO: { weight: 500 } })).toEqual([
      { controller: 'io', file: 'io.bfq.weight', value: '500', instead: { file: 'io.weight', value: '4950' } },
    ]);
  });

  test('each throttle is one line of io.max', () => {
    const device = { major: 8, minor: 0 };
    expect(
      written({
        blockIO: {
          throttleReadBpsDevice: [{ ...device, rate: 1048576 }],
          throttleWriteIOPSDevice: [{ ...device, rate: 10 }],
        },
      }),
    ).toEqual(['io.max=8:0 rbps=1048576', 'io.max=8:0 wiops=10']);
  });

  test('cpusets, pids, and files by name', () => {
    expect(written({ cpu: { cpus: '0-1', mems: '0' }, pids: { limit: 20 }, unified: { 'memory.high': '1M' } })).toEqual(
      ['cpuset.cpus=0-1', 'cpuset.mems=0', 'pids.max=20', 'memory.high=1M'],
    );
  });

  test('a name in `unified` cannot leave the directory', () => {
    expect(() => cgroupValues({ unified: { '../x': '1' } })).toThrow('must be a file name');
  });
});

describe('the tree is found in /proc', () => {
  test('on a hybrid host it is not at /sys/fs/cgroup', () => {
    const hybrid =
      '31 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
      '42 32 0:38 / /sys/fs/cgroup/unified rw,relatime shared:1 - cgroup2 cgroup2 rw\n';
    expect(cgroup2Mount(hybrid)).toBe('/sys/fs/cgroup/unified');
    expect(cgroup2Mount('31 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n')).toBeUndefined();
  });

  test('our place in it is on the line without controllers', () => {
    expect(ownCgroup('9:name=systemd:/x\n0::/user.slice/a.scope\n')).toBe('/user.slice/a.scope');
    expect(ownCgroup('9:name=systemd:/x\n')).toBeUndefined();
  });
});
