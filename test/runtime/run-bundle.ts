// A program for the tests: compiles ./config.json as punnet-runc does, walks the plan, and waits for the container's end.
// What came of it is written to ./result.json; the container has this program's standard streams.
// argv: options of the compiler as JSON.

import { closeSync, constants, openSync, readFileSync, realpathSync, writeFileSync, writeSync } from 'node:fs';
import { messageOf } from '../../src/base/errors.ts';
import type { Spec } from '../../src/base/oci-runtime.ts';
import { walk } from '../../src/native/walk.ts';
import { compilePlan, type CompileOptions } from '../../src/runtime/compile.ts';
import { hostStreams } from '../../src/runtime/cli/preserved.ts';
import { hostOptions } from '../../src/runtime/host-options.ts';
import { seccompFilter } from '../../src/runtime/seccomp-filter.ts';

const spec = JSON.parse(readFileSync('config.json', 'utf8')) as Spec;
const extra = JSON.parse(process.argv[2] ?? '{}') as Partial<CompileOptions>;

function options(): CompileOptions {
  const rootfs = realpathSync(spec.root!.path);
  const seccomp = spec.linux?.seccomp;
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  return {
    rootfs,
    ...hostOptions(spec, rootfs),
    ...(seccomp ? { seccomp: seccompFilter(seccomp) } : {}),
    ...(uid === 0 ? {} : { user: { uid, gid, newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' } }),
    hooks: { id: 'test', bundle: process.cwd() },
    survives: true,
    keptStreams: hostStreams(),
    ...extra,
  };
}

async function main(): Promise<{ error?: string; code?: number }> {
  try {
    const child = walk(compilePlan(spec, options()), { slots: { 0: 0, 1: 1, 2: 2 } });
    child.release();
    if (extra.startFifo !== undefined) {
      const fifo = openSync(extra.startFifo, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(fifo, 'x');
      closeSync(fifo);
    }
    return { code: (await child.wait()).exitCode };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

void main().then((result) => writeFileSync('result.json', JSON.stringify(result)));
