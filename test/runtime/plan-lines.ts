// A plan as text that golden cases keep and a reader can compare. Pure.

import type { Plan } from '../../src/native/ops.ts';

/** A line of JSON for each op. */
export function planLines({ ops }: Plan): string {
  const plain = (_: string, value: unknown) => {
    if (typeof value === 'bigint') return `0x${value.toString(16)}`;
    return value instanceof Uint8Array ? `${value.length} bytes` : value;
  };
  return ops.map((op) => `${JSON.stringify(op, plain)}\n`).join('');
}
