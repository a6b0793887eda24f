// punnet-runc plan: what would be done to make a container of a bundle. Nothing is done. The plan is what create would walk.

import { describeCall } from '../../native/explain-call.ts';
import { newShell, shellCommand } from '../../native/explain-shell.ts';
import { compilePlan } from '../compile.ts';
import { openBundle } from './bundle.ts';
import { bundlePlanOptions } from './bundle-plan.ts';
import type { Call } from './commands.ts';
import { say } from './say.ts';

export function plan({ settings, flags, args: [path] }: Call): number {
  const bundle = openBundle(path);
  const hooks = { id: 'container', bundle: bundle.directory };
  const { ops } = compilePlan(bundle.spec, { ...bundlePlanOptions(bundle, settings), hooks, survives: true });
  if (flags.bool('json')) {
    say(1, `${JSON.stringify({ ops }, plain, 2)}\n`);
    return 0;
  }
  const shell = newShell();
  const lines = ops.map((op, index) => {
    const command = shellCommand(op, shell);
    return `${String(index + 1).padStart(3)} ${op.who.padEnd(6)} ${describeCall(op)}\n${' '.repeat(11)}${command}\n`;
  });
  say(1, lines.join(''));
  return 0;
}

/* What JSON has no word for: 64-bit numbers as text, programs of seccomp in base64. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  const buffer = value as { type?: string; data?: number[] } | null;
  if (buffer?.type === 'Buffer' && Array.isArray(buffer.data)) return Buffer.from(buffer.data).toString('base64');
  return value;
}
