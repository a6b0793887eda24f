// --explain and --explain=json: after the run, the ops that made the container, on stderr, so that the container's own
// output stays what it is. Runs in the CLI.

import type { ExplainedOp } from '../../base/explained-op.ts';
import type { Context } from '../context.ts';
import type { Flags } from '../flag.ts';

type Style = 'text' | 'json' | undefined;

/** The flag's value: none, a truth value, or `json`. */
export function readExplain(text: string): Style {
  if (text === 'json') return 'json';
  if (text === 'true' || text === 'text') return 'text';
  if (text === 'false') return undefined;
  throw new Error('must be json or nothing');
}

export function showExplanation(context: Context, flags: Flags, ops: ExplainedOp[] | undefined): void {
  const style = flags.last<Style>('explain', undefined);
  if (style === undefined || ops === undefined) return;
  context.err.write(style === 'json' ? `${JSON.stringify(ops, null, 2)}\n` : layOutOps(ops));
}

/** A line per op: number, who, microseconds, errno, call; and below it the shell command. Ends with the sum. */
export function layOutOps(ops: readonly ExplainedOp[]): string {
  const lines = ops.map(({ step, who, call, microseconds, errno, shell }) => {
    const result = errno === null ? '' : ` = -1 ${errno}`;
    const head = `${String(step).padStart(3)} ${who.padEnd(6)} ${microseconds.toFixed(1).padStart(8)} µs`;
    return `${head}  ${shorten(call, 160)}${result}\n${' '.repeat(24)}$ ${shorten(shell, 160)}\n`;
  });
  const parts = (['parent', 'child'] as const).map((who) => {
    const mine = ops.filter((op) => op.who === who && op.op !== 'await');
    const sum = mine.reduce((total, { microseconds }) => total + microseconds, 0);
    return `${mine.length} calls by the ${who} in ${(sum / 1000).toFixed(2)} ms`;
  });
  return `${lines.join('')}${parts.join(', ')}\n`;
}

const shorten = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
