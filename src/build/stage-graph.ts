// Which stages a build needs, and what each of them waits for. Pure. Runs in the daemon, and in the CLI for `lint`.

import { invalidArgument } from '../base/errors.ts';
import type { Instruction, Stage } from './dockerfile/instruction.ts';
import { parseMount } from './dockerfile/run-mount.ts';

/** Where files come from: a stage of this Dockerfile, or an image. */
export type Source = { stage: number } | { image: string };

export interface StageNode {
  index: number;
  stage: Stage;
  /** the base, with variables replaced; undefined: scratch */
  base: Source | undefined;
  /** stages that its instructions copy or mount from */
  uses: number[];
}

export interface StageGraph {
  nodes: StageNode[];
  target: number;
  /** what the target needs, itself included, in the file's order */
  needed: number[];
}

export interface GraphOptions {
  /** name or number; undefined: the last stage */
  target?: string;
  /** replaces variables in the name of a base */
  expand(word: string): string;
}

/** @throws invalidArgument for a target that is none, a blank base, stages that depend on each other */
export function stageGraph(stages: Stage[], { target, expand }: GraphOptions): StageGraph {
  checkNames(stages);
  const nodes = stages.map((stage, index): StageNode => {
    const name = expand(stage.from.base);
    if (name === '') throw invalidArgument(`base name (${stage.from.base}) should not be blank`);
    // A base is named, never numbered: `FROM 0` is an image.
    const before = named(stages, name, index);
    const base = before !== undefined ? { stage: before } : name === 'scratch' ? undefined : { image: name };
    const uses = stage.instructions.flatMap((instruction) =>
      froms(instruction).map((from) => sourceOf(stages, from, index)),
    );
    return { index, stage, base, uses: [...new Set(uses.flatMap((use) => ('stage' in use ? [use.stage] : [])))] };
  });
  const last =
    target === undefined || target === ''
      ? nodes.length - 1
      : (named(stages, target, stages.length) ?? numbered(target, stages.length));
  if (last === undefined) {
    throw invalidArgument(`target stage ${JSON.stringify(target)} could not be found`, {
      fix: `the stages are: ${stages.map(({ from }, index) => from.as ?? index).join(', ')}`,
    });
  }
  return { nodes, target: last, needed: reach(nodes, last) };
}

/** What `--from` of the stage at `index` names. @throws invalidArgument for the stage itself and later ones */
export function sourceOf(stages: Stage[], from: string, index: number): Source {
  const found = named(stages, from, stages.length) ?? numbered(from, index);
  if (found !== undefined) {
    if (found < index) return { stage: found };
    const what = found === index ? 'refers to its own stage' : 'refers to a stage that comes later';
    throw invalidArgument(`circular dependency detected on stage: ${from} (invalid from flag value ${from}: ${what})`);
  }
  if (/^\d+$/.test(from)) {
    throw invalidArgument(
      Number(from) === index
        ? `invalid from flag value ${from}: refers to current build stage`
        : `invalid from flag value ${from}: index out of bounds`,
    );
  }
  return { image: from };
}

function checkNames(stages: Stage[]): void {
  const seen = new Set<string>();
  for (const { from } of stages) {
    if (from.as === undefined) continue;
    if (seen.has(from.as)) throw invalidArgument(`${from.as} stage name already used (line ${from.start})`);
    seen.add(from.as);
  }
}

/** The stage of that name among the first `below`. */
function named(stages: Stage[], name: string, below: number): number | undefined {
  const found = stages.slice(0, below).findIndex(({ from }) => from.as === name.toLowerCase());
  return found < 0 ? undefined : found;
}

function numbered(name: string, below: number): number | undefined {
  return /^\d{1,4}$/.test(name) && Number(name) < below ? Number(name) : undefined;
}

/** The `from` of an instruction's own and of its mounts. */
function froms(instruction: Instruction): string[] {
  if (instruction.name === 'COPY') return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.name !== 'RUN') return [];
  return instruction.mounts.flatMap((text) => {
    const mount = parseMount(text, (word) => word);
    return 'from' in mount && mount.from !== undefined ? [mount.from] : [];
  });
}

function reach(nodes: StageNode[], target: number): number[] {
  const seen = new Set<number>();
  const visit = (index: number) => {
    if (seen.has(index)) return;
    seen.add(index);
    const { base, uses } = nodes[index]!;
    if (base && 'stage' in base) visit(base.stage);
    uses.forEach(visit);
  };
  visit(target);
  return [...seen].sort((a, b) => a - b);
}
