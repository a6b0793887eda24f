// Rules of devices → eBPF, judged by an interpreter of the few instructions that are used, and by the kernel where it may.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SpecDeviceRule } from '../../src/base/oci-runtime.ts';
import { cgroup2Mount } from '../../src/runtime/cgroup-tree.ts';
import { attachDeviceFilter, missingLimits } from '../../src/runtime/cgroup-limits.ts';
import { deviceProgram, deviceState } from '../../src/runtime/device-filter.ts';
import { need } from '../support/need.ts';

const DENY_ALL: SpecDeviceRule = { allow: false, access: 'rwm' };
const ACCESS = { m: 1, r: 2, w: 4 };

/** What the program says to an access: `c 1:3 rw`. */
function verdict(rules: SpecDeviceRule[], asked: string): boolean {
  const [, type, major, minor, letters] = /^(\w) (\d+):(\d+) (\w+)$/.exec(asked)!;
  const access = [...letters!].reduce((sum, letter) => sum | ACCESS[letter as 'm'], 0);
  const context = [((access << 16) | (type === 'b' ? 1 : 2)) >>> 0, Number(major), Number(minor)];
  const bytes = deviceProgram(deviceState(rules));
  const view = new DataView(bytes.buffer);
  const r = new Array<number>(11).fill(0);
  for (let at = 0; at < bytes.length / 8; at++) {
    const code = view.getUint8(at * 8);
    const [dst, src] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const [off, imm] = [view.getInt16(at * 8 + 2, true), view.getInt32(at * 8 + 4, true)];
    if (code === 0x61) r[dst] = context[off / 4]!;
    else if (code === 0x54) r[dst] = (r[dst]! & imm) >>> 0;
    else if (code === 0x74) r[dst] = r[dst]! >>> imm;
    else if (code === 0xbc) r[dst] = r[src]!;
    else if (code === 0xb7) r[dst] = imm;
    else if (code === 0x55) at += r[dst] !== imm ? off : 0;
    else if (code === 0x5d) at += r[dst] !== r[src] ? off : 0;
    else if (code === 0x15) at += r[dst] === imm ? off : 0;
    else if (code === 0x95) return r[0] === 1;
    else throw new Error(`unknown instruction 0x${code.toString(16)}`);
  }
  throw new Error('the program does not end');
}

describe('the verdicts', () => {
  test('without rules nothing is allowed but what every container has', () => {
    expect(verdict([], 'c 1:3 rwm')).toBe(true);
    expect(verdict([], 'c 136:7 rw')).toBe(true);
    expect(verdict([], 'b 8:0 r')).toBe(false);
    expect(verdict([], 'b 8:0 m')).toBe(true);
    expect(verdict([], 'c 10:200 rw')).toBe(false);
  });

  test('a later rule changes what an earlier one said, access by access', () => {
    const rules = [DENY_ALL, { allow: true, type: 'b', major: 8, minor: 0, access: 'r' }];
    expect(verdict(rules, 'b 8:0 r')).toBe(true);
    expect(verdict(rules, 'b 8:0 rw')).toBe(false);
    expect(verdict([...rules, { allow: true, type: 'b', major: 8, minor: 0, access: 'w' }], 'b 8:0 rw')).toBe(true);
    expect(verdict([...rules, { allow: false, type: 'b', major: 8, minor: 0, access: 'r' }], 'b 8:0 r')).toBe(false);
  });

  test('all allowed, and then some denied, is the other way round', () => {
    const rules = [
      { allow: true, access: 'rwm' },
      { allow: false, type: 'c', major: 10, access: 'w' },
    ];
    expect(verdict(rules, 'c 10:200 r')).toBe(true);
    expect(verdict(rules, 'c 10:200 rw')).toBe(false);
    expect(verdict(rules, 'b 8:0 rwm')).toBe(true);
  });

  test('-1 and absent numbers mean any; a rule that is none is refused', () => {
    expect(verdict([{ allow: true, type: 'c', major: 10, minor: -1, access: 'rw' }], 'c 10:5 rw')).toBe(true);
    expect(() => deviceState([{ allow: true, type: 'x' }])).toThrow('linux.resources.devices[0]: no such rule');
    expect(() => deviceState([{ allow: true, type: 'c', access: 'rx' }])).toThrow('no such rule');
  });
});

describe.skipIf(need('root'))('on this kernel', () => {
  test('a device that is not allowed cannot be opened by whoever is in the cgroup', () => {
    const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
    const directory = join(mount!, `punnet-devices-${process.pid}`);
    mkdirSync(directory);
    try {
      attachDeviceFilter(
        directory,
        { devices: [DENY_ALL, { allow: false, type: 'c', major: 1, minor: 5, access: 'rwm' }] },
        false,
      );
      const script = `echo $$ > ${directory}/cgroup.procs; cat /dev/null && echo null; (: < /dev/kmsg) 2>&1; (: < /dev/fuse) 2>&1; true`;
      const said = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
      expect(said).toMatch(/^null\n/);
      expect(said).toMatch(/fuse: Operation not permitted/);
    } finally {
      rmdirSync(directory);
    }
  });

  test('a limit that the cgroup has no file for is said, by file and value', () => {
    expect(missingLimits(undefined, { pids: { limit: 5 }, cpu: { realtimeRuntime: 1 } })).toEqual([
      'limit pids.max = 5 is not set: the container has no cgroup of its own',
      "linux.resources.cpu.realtimeRuntime is not set: this host's cgroups have nothing like it",
    ]);
    expect(missingLimits('/no/such', { blockIO: { weight: 100 } })[0]).toContain(
      'limit io.weight = 910 is not set: /no/such',
    );
    expect(missingLimits('/no/such', {})).toEqual([]);
  });
});
