import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Spec } from '../../src/base/oci-runtime.ts';
import * as k from '../../src/native/constants.ts';
import { encodePlan } from '../../src/native/plan.ts';
import type { Op } from '../../src/native/ops.ts';
import { compilePlan, type CompileOptions } from '../../src/runtime/compile.ts';
import { DEFAULT_CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { defaultMounts } from '../../src/runtime/default-spec.ts';
import { planLines } from './plan-lines.ts';

const CASES = new URL('../cases/plan', import.meta.url).pathname;

const OVERLAY = {
  source: 'overlay',
  target: '/data/container/1/rootfs',
  type: 'overlay',
  options: ['lowerdir=layer/b:layer/a', 'upperdir=active/1/upper', 'workdir=active/1/work', 'userxattr'],
  cwd: '/data/snapshot',
};

const OPTIONS: CompileOptions = {
  rootfs: '/data/container/1/rootfs',
  rootMounts: [OVERLAY],
  seccomp: new Uint8Array(16),
  files: new Set(['/data/container/1/hosts', '/dev/zero']),
};

describe('each configuration becomes its plan', () => {
  test.each(readdirSync(CASES))('%s', async (name) => {
    const read = (file: string) => JSON.parse(readFileSync(join(CASES, name, file), 'utf8')) as unknown;
    const { options, ...spec } = read('config.json') as Spec & { options?: Partial<CompileOptions> };
    const plan = compilePlan(spec, { ...OPTIONS, ...options });
    await expect(planLines(plan)).toMatchFileSnapshot(join(CASES, name, 'plan.jsonl'));
    expect(encodePlan(plan).length).toBeGreaterThan(plan.ops.length * 80);
  });
});

/** The smallest configuration that compiles, with changes. */
function compile(change: (spec: Spec) => void = () => {}, options: Partial<CompileOptions> = {}): Op[] {
  const spec: Spec = {
    ociVersion: '1.2.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/bin'],
      cwd: '/',
      capabilities: { bounding: [...DEFAULT_CAPABILITIES] },
    },
    mounts: defaultMounts({
      shmSize: 65536,
      ttyGid: 5,
      writableSys: false,
      writableCgroup: false,
      hostPid: false,
      hostNetwork: false,
      hostIpc: false,
      hostCgroup: false,
      hostMqueue: false,
    }),
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'user' }, { type: 'cgroup' }],
      uidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
      gidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
      maskedPaths: ['/proc/keys', '/proc/acpi', '/proc/unheard-of'],
    },
  };
  change(spec);
  return compilePlan(spec, { ...OPTIONS, ...options }).ops;
}

const indexOf = (ops: Op[], found: (op: Op) => boolean) => {
  const index = ops.findIndex(found);
  expect(index).toBeGreaterThanOrEqual(0);
  return index;
};

describe('order', () => {
  test('sources are opened before pivot_root, and mounted after it', () => {
    const ops = compile((spec) =>
      spec.mounts!.push({ destination: '/x', type: 'bind', source: '/host', options: ['rbind'] }),
    );
    const pivot = indexOf(ops, ({ op }) => op === 'pivot_root');
    expect(indexOf(ops, (op) => op.op === 'open_tree' && op.path === '/host')).toBeLessThan(pivot);
    expect(indexOf(ops, (op) => op.op === 'move_mount' && op.target === '/x')).toBeGreaterThan(pivot);
  });

  test('mounts are made in the order of the list', () => {
    let wanted: string[] = [];
    const ops = compile(({ mounts = [] }) => {
      mounts.unshift({ destination: '/x', type: 'bind', source: '/host', options: ['rbind'] });
      mounts.push({ destination: '/y', type: 'bind', source: '/host', options: ['rbind'] });
      wanted = mounts.map(({ destination }) => destination);
    });
    const made = ops.flatMap((op) =>
      op.op === 'mount' && op.fstype !== null ? [op.target] : op.op === 'move_mount' ? [op.target!] : [],
    );
    expect(made.filter((target) => wanted.includes(target))).toEqual(wanted);
  });

  test('no link of proc can be followed until every mount point is made, so that none leads to a descriptor', () => {
    const ops = compile((spec) => {
      spec.process!.cwd = '/made/here';
      spec.mounts!.push({ destination: '/x/y', type: 'bind', source: '/host', options: ['rbind'] });
    });
    const proc = indexOf(ops, (op) => op.op === 'mount' && op.fstype === 'proc' && (op.flags & k.MS_NOSYMFOLLOW) !== 0);
    const follow = indexOf(
      ops,
      (op) =>
        op.op === 'mount' && op.target === '/proc' && (op.flags & (k.MS_REMOUNT | k.MS_NOSYMFOLLOW)) === k.MS_REMOUNT,
    );
    expect(proc).toBeLessThan(follow);
    const late = ops.filter(({ op }, index) => (op === 'mkdir' || op === 'mknod') && index > follow);
    expect(late).toEqual([]);
  });

  test('proc and sysfs are mounted while the old root is there; the working directory is entered when it is gone', () => {
    const ops = compile();
    const gone = indexOf(ops, ({ op }) => op === 'umount2');
    for (const fstype of ['proc', 'sysfs']) {
      expect(indexOf(ops, (op) => op.op === 'mount' && op.fstype === fstype)).toBeLessThan(gone);
    }
    const [last] = ops.map((op, index) => (op.op === 'chdir' ? index : -1)).sort((a, b) => b - a);
    expect(last).toBeGreaterThan(gone);
  });

  test('a filter is loaded before capabilities go, or, with no_new_privs, last', () => {
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' as const };
    const order = (noNewPrivileges: boolean) =>
      compile((spec) => {
        spec.linux!.seccomp = seccomp;
        spec.process!.noNewPrivileges = noNewPrivileges;
      })
        .map(({ op }) => op)
        .filter((op) => op === 'seccomp' || op === 'capset');
    expect(order(false)).toEqual(['seccomp', 'capset']);
    expect(order(true)).toEqual(['capset', 'seccomp']);
  });

  test('the cgroup namespace is made by the child, after it was born into its cgroup', () => {
    const ops = compile(() => {}, { cgroup: '/sys/fs/cgroup/c' });
    const clone = ops.find((op) => op.op === 'clone3');
    expect(clone).toMatchObject({ who: 'parent', cgroup: expect.any(Number) as number });
    expect((clone as { flags: number }).flags & 0x2000000).toBe(0);
    expect(ops).toContainEqual({ who: 'child', op: 'unshare', flags: 0x2000000 });
  });

  test('no two open descriptors share a slot', () => {
    const ops = compile((spec) => {
      for (let i = 0; i < 60; i++)
        spec.mounts!.push({ destination: `/m${i}`, type: 'bind', source: '/host', options: ['bind'] });
    });
    const open = new Set<number>([0, 1, 2]);
    for (const op of ops) {
      if (op.who !== 'child') continue;
      if ('slot' in op) {
        // A copy of what the slot holds may take its place.
        expect(open.has(op.slot)).toBe(op.op === 'open_tree' && op.dirfd === op.slot);
        open.add(op.slot);
      }
      if (op.op === 'close') expect(open.delete(op.fd)).toBe(true);
    }
    expect([...open]).toEqual([0, 1, 2]);
  });
});

describe('paths', () => {
  test('a mask of unknown kind is tried as both; of a known one as that', () => {
    const text = planLines({ ops: compile() });
    const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
    expect(count(/"target":"\/proc\/keys"/g)).toBe(1);
    expect(count(/"target":"\/proc\/acpi"/g)).toBe(1);
    expect(count(/"target":"\/proc\/unheard-of"/g)).toBe(2);
  });

  test('a destination cannot climb out, and the root cannot be covered', () => {
    const bind = (destination: string) => (spec: Spec) =>
      void spec.mounts!.push({ destination, type: 'bind', source: '/host', options: ['bind'] });
    expect(compile(bind('/../../x/../y/'))).toContainEqual(expect.objectContaining({ op: 'move_mount', target: '/y' }));
    expect(() => compile(bind('/a/..'))).toThrow("destination can't be '/'");
    expect(() => compile(bind('/proc/1'))).toThrow('cannot be mounted because it is inside /proc');
    expect(() => compile(bind('/x/../proc'))).toThrow('cannot be mounted because it is inside /proc');
  });

  test('with a /dev of the user’s own, nothing is put into it', () => {
    const ops = compile((spec) => {
      spec.mounts = [{ destination: '/dev', type: 'bind', source: '/host/dev', options: ['rbind'] }];
    });
    expect(ops.some((op) => op.op === 'mknod' || op.op === 'symlink')).toBe(false);
  });

  test('more mounts than slots are refused, not overrun', () => {
    expect(() =>
      compile((spec) => {
        for (let i = 0; i < 200; i++)
          spec.mounts!.push({ destination: `/m${i}`, type: 'bind', source: '/h', options: ['bind'] });
      }),
    ).toThrow('too many mounts');
  });
});

describe('what is asked for is done or refused', () => {
  const refuses = (change: (spec: Spec) => void, message: string) => expect(() => compile(change)).toThrow(message);

  test('an unsupported field is named', () => {
    refuses((spec) => (spec.process!.apparmorProfile = 'x'), 'process.apparmorProfile "x" is not supported');
    refuses((spec) => (spec.process!.selinuxLabel = 'x'), 'process.selinuxLabel "x" is not supported');
    refuses(
      (spec) => (spec.process!.scheduler = { policy: 'X' }),
      'process.scheduler.policy: "X" is none of SCHED_OTHER',
    );
    refuses((spec) => (spec.linux!.namespaces = []), 'needs a new mount namespace');
    refuses((spec) => (spec.linux!.namespaces = [{ type: 'mount', path: '/x' }]), 'joining a mount namespace');
    refuses(
      (spec) => (spec.linux!.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', flags: ['X'] }),
      'unknown seccomp flag "X"',
    );
  });

  test('an unknown name is said', () => {
    refuses((spec) => (spec.process!.rlimits = [{ type: 'RLIMIT_X', soft: 1, hard: 1 }]), 'unknown rlimit "RLIMIT_X"');
    refuses((spec) => (spec.process!.capabilities = { bounding: ['CAP_X'] }), 'unknown capability "CAP_X"');
  });

  test('sysctls of the host are refused in runc’s words', () => {
    const sysctl = (name: string) => (spec: Spec) => void (spec.linux!.sysctl = { [name]: '1' });
    refuses(sysctl('kernel.shmmax'), 'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace');
    refuses(sysctl('net.ipv4.ip_forward'), 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace');
    refuses(sysctl('vm.swappiness'), 'sysctl "vm.swappiness" is not in a separate kernel namespace');
    refuses(sysctl('net/../../../x'), 'invalid sysctl');
  });

  test('the program is sought where PATH says, an empty entry being the working directory', () => {
    const paths = (env: string[], name = 'sh') => {
      const ops = compile((spec) => Object.assign(spec.process!, { env, args: [name] }));
      return ops.find((op) => op.op === 'execve')!.paths;
    };
    expect(paths(['PATH=/a:/b'])).toEqual(['/a/sh', '/b/sh']);
    expect(paths(['PATH=/a::/b'])).toEqual(['/a/sh', './sh', '/b/sh']);
    expect(paths(['PATH=/a', 'PATH=/z'])).toEqual(['/z/sh']);
    expect(paths([])).toEqual(['']);
    expect(paths(['PATH=/a'], './x/sh')).toEqual(['./x/sh']);
  });

  test('unlimited is -1, and what JSON makes of 2^64-1', () => {
    const ops = compile((spec) => {
      spec.process!.rlimits = [
        { type: 'RLIMIT_CORE', soft: -1, hard: 18446744073709551615 },
        { type: 'RLIMIT_NOFILE', soft: 5, hard: 6 },
      ];
    });
    const limits = ops.filter((op) => op.op === 'setrlimit').map(({ soft, hard }) => [soft, hard]);
    expect(limits).toEqual([
      [2n ** 64n - 1n, 2n ** 64n - 1n],
      [5n, 6n],
    ]);
  });
});
