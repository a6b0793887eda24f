// Where a build failed, with the lines of the Dockerfile around it. Pure; runs in the CLI.

import type { StepFailure } from '../../base/build-event.ts';

const AROUND = 3;

/** `Dockerfile:12`, the lines around it, and the step, command and exit code in one sentence. */
export function failureText(
  failure: StepFailure,
  { message, fix, dockerfile, text }: { message: string; fix: string | undefined; dockerfile: string; text?: string },
): string {
  const parts: string[] = [];
  if (text !== undefined && failure.start > 0) {
    const all = text.split(/\r?\n/);
    const first = Math.max(1, failure.start - AROUND);
    const last = Math.min(all.length, failure.end + AROUND);
    const rule = '-'.repeat(20);
    const shown = all.slice(first - 1, last).map((line, at) => {
      const number = first + at;
      const mark = number >= failure.start && number <= failure.end ? '>>>' : '   ';
      return `${String(number).padStart(4)} | ${mark} ${line}`;
    });
    parts.push(`${dockerfile}:${failure.start}`, rule, ...shown, rule);
  }
  parts.push(`ERROR: step ${failure.step}/${failure.total}, line ${failure.start}: ${message}`);
  if (fix !== undefined) parts.push(`fix: ${fix}`);
  return parts.join('\n');
}
