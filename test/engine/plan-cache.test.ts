import { expect, test } from 'vitest';
import type { Spec } from '../../src/base/oci-runtime.ts';
import { PlanCache } from '../../src/engine/container/plan-cache.ts';
import { encodePlan } from '../../src/native/plan.ts';
import { compilePlan, type CompileOptions } from '../../src/runtime/compile.ts';

const ID = { one: 'a1b2c3d4e5f6'.repeat(6).slice(0, 64), other: '0123456789ab'.repeat(6).slice(0, 64) };

const inputs = (id: string, args: string[], seccomp?: Uint8Array): [Spec, CompileOptions] => {
  const spec: Spec = {
    ociVersion: '1.0.2',
    hostname: id.slice(0, 12),
    process: { cwd: '/', args, env: [`HOSTNAME=${id.slice(0, 12)}`], user: { uid: 0, gid: 0 } },
    root: { path: 'rootfs' },
    mounts: [
      { destination: '/etc/hosts', type: 'bind', source: `/run/shim/${id.slice(0, 32)}/hosts`, options: ['bind'] },
    ],
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'uts' }, { type: 'pid' }],
      ...(seccomp && { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } }),
    },
  };
  const source = `upperdir=active/${id}/upper,workdir=active/${id}/work`;
  const rootMounts = [{ source: 'overlay', target: '/r', type: 'overlay', options: [source], cwd: '/s' }];
  const files = new Set([`/run/shim/${id.slice(0, 32)}/hosts`]);
  return [spec, { rootfs: '/r', rootMounts, cgroup: `/cgroup/${id}`, files, ...(seccomp && { seccomp }) }];
};

/** The bytes from the cache, and how often it had something compiled. */
function cached() {
  const cache = new PlanCache();
  const seen = { compiled: 0 };
  const encode = (id: string, ...rest: [args: string[], seccomp?: Uint8Array]) => {
    const [spec, options] = inputs(id, ...rest);
    return cache.encode(id, spec, options, () => {
      seen.compiled++;
      return compilePlan(spec, options);
    });
  };
  return { seen, encode };
}
const compiled = (id: string, ...rest: [args: string[], seccomp?: Uint8Array]) =>
  encodePlan(compilePlan(...inputs(id, ...rest)));
const same = (one: Uint8Array, other: Uint8Array) => expect(Buffer.compare(one, other)).toBe(0);

test('the plan of a container that differs in its id alone is the one that would have been compiled for it', () => {
  const { seen, encode } = cached();
  same(encode(ID.one, ['true']), compiled(ID.one, ['true']));
  same(encode(ID.other, ['true']), compiled(ID.other, ['true']));
  same(encode(ID.one, ['true']), compiled(ID.one, ['true']));
  expect(seen.compiled).toBe(1);
});

test('another command, and another filter, is another plan', () => {
  const { seen, encode } = cached();
  const filters = [Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f), Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0)];
  encode(ID.one, ['true']);
  same(encode(ID.other, ['false']), compiled(ID.other, ['false']));
  for (const filter of filters) same(encode(ID.other, ['true'], filter), compiled(ID.other, ['true'], filter));
  expect(seen.compiled).toBe(4);
});
