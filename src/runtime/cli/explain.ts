// --explain: every system call that made the container, in the order in which they ran, with its time and the shell's equivalent.

import { explainPlan } from '../../native/explain.ts';
import type { Plan } from '../../native/ops.ts';
import type { Walk } from '../../native/walk.ts';
import { say } from './say.ts';

export function explain(plan: Plan, walk: Walk): void {
  const lines = explainPlan(plan, walk.report(), walk.pid).map(({ step, who, call, microseconds, errno, shell }) => {
    const result = errno === null ? '' : `  ${errno}, which is expected`;
    return `${String(step).padStart(3)} ${who.padEnd(6)} ${microseconds.toFixed(0).padStart(6)} µs  ${call}${result}\n${' '.repeat(21)}${shell}\n`;
  });
  say(2, lines.join(''));
}
