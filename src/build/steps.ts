// The Dockerfile's steps as they are counted and shown: ARGs before the first FROM, then for each stage that is needed its FROM
// and its instructions. Pure. Runs in the daemon.

import type { Dockerfile, Stage } from './dockerfile/instruction.ts';

export interface Numbering {
  total: number;
  /** number of a stage's FROM; its instructions follow */
  first: ReadonlyMap<number, number>;
}

export function numberSteps({ args, stages }: Dockerfile, needed: number[]): Numbering {
  const first = new Map<number, number>();
  let next = args.length + 1;
  const add = (index: number) => {
    first.set(index, next);
    next += 1 + stages[index]!.instructions.length;
  };
  needed.forEach(add);
  const total = next - 1;
  // A trigger of a base image may name a stage that nothing else needs: it is counted behind the others.
  for (const index of stages.keys()) if (!first.has(index)) add(index);
  return { total, first };
}

/** What a stage is called: its name, or `stage-N` as BuildKit says. */
export function stageName({ from }: Stage, index: number): string {
  return from.as ?? `stage-${index}`;
}
