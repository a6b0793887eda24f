// Encoded plans by what they were compiled from. Two containers of one image and one configuration differ in their id alone,
// and so do their plans: in the names of a cgroup, of directories, of the host. To copy the bytes and write the other id into
// them takes a tenth of compiling. Runs in the daemon.

import type { Spec } from '../../base/oci-runtime.ts';
import type { Plan } from '../../native/ops.ts';
import { encodePlan } from '../../native/plan.ts';
import type { CompileOptions } from '../../runtime/compile.ts';

const MOST = 64;

/** Beginnings of an id that occur in names, longest first. */
const LENGTHS = [64, 32, 12];

interface Known {
  plan: Uint8Array;
  seccomp: Uint8Array | undefined;
  /** where the id stands in the bytes, and how much of it */
  places: { at: number; length: number }[];
}

export class PlanCache {
  readonly #known = new Map<string, Known>();

  /** The bytes of the plan of container `id`; `compile` makes it where there is no like one. @throws as `compile` and encodePlan */
  encode(id: string, spec: Spec, options: CompileOptions, compile: () => Plan): Uint8Array {
    const { seccomp } = options;
    const key = keyOf(id, spec, options);
    const known = this.#known.get(key);
    if (known !== undefined && known.seccomp === seccomp) return fill(known, id);
    const plan = encodePlan(compile());
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(key, { plan, seccomp, places: placesOf(id, plan) });
    return plan;
  }
}

/** All that a plan depends on, as text in which a mark stands for the id; but for the filter, which is known by its object. */
function keyOf(id: string, spec: Spec, { files, ...options }: CompileOptions): string {
  const parts = [
    { ...spec, linux: { ...spec.linux, seccomp: undefined } },
    { ...options, seccomp: undefined },
    [...(files ?? [])],
  ];
  return LENGTHS.reduce((text, length) => text.replaceAll(id.slice(0, length), `#${length}`), JSON.stringify(parts));
}

function placesOf(id: string, plan: Uint8Array): Known['places'] {
  const bytes = Buffer.from(plan.buffer, plan.byteOffset, plan.length);
  const places: Known['places'] = [];
  for (let at = bytes.indexOf(id.slice(0, 12)); at >= 0; at = bytes.indexOf(id.slice(0, 12), at + 12)) {
    places.push({
      at,
      length: LENGTHS.find((length) => bytes.toString('latin1', at, at + length) === id.slice(0, length))!,
    });
  }
  return places;
}

function fill({ plan, places }: Known, id: string): Uint8Array {
  const bytes = Buffer.from(plan);
  for (const { at, length } of places) bytes.write(id.slice(0, length), at, 'latin1');
  return bytes;
}
