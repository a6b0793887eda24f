// What the coverage-guided fuzzing of the plan decoder starts from: the plans of test/cases/plan, encoded. argv: the directory
// that they are written into.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Spec } from '../../src/base/oci-runtime.ts';
import { encodePlan } from '../../src/native/plan.ts';
import { compilePlan, type CompileOptions } from '../../src/runtime/compile.ts';

const [cases, corpus] = process.argv.slice(2) as [string, string];

for (const name of readdirSync(cases)) {
  const text = readFileSync(join(cases, name, 'config.json'), 'utf8');
  const { options, ...spec } = JSON.parse(text) as Spec & { options?: Partial<CompileOptions> };
  const plan = compilePlan(spec, { rootfs: '/rootfs', seccomp: new Uint8Array(16), ...options });
  writeFileSync(join(corpus, name), encodePlan(plan));
}
