// A plan that failed, in the words that engines look for: they tell by them whether the command was missing (127) or could not
// be executed (126). Any other op keeps its own. Pure.

import { internal, messageOf } from '../../base/errors.ts';
import type { Plan } from '../../native/ops.ts';

export function startError(plan: Plan, error: unknown): Error {
  const prefix = 'unable to start container process: ';
  const cause = (error as { cause?: { code?: string; syscall?: string } }).cause;
  const last = plan.ops.find((op) => op.op === 'execve');
  const hook = cause?.syscall === 'spawn' ? 'error running hook: ' : '';
  if (!last || (cause?.syscall !== 'execve' && cause?.syscall !== 'find_program')) {
    return internal(`${prefix}${hook}${messageOf(error)}`, { cause: error, fix: (error as { fix?: string }).fix });
  }
  const name = last.argv[0] ?? '';
  return internal(`${prefix}exec: ${JSON.stringify(name)}: ${reason(name, cause.code ?? '')}`, { cause: error });
}

function reason(name: string, code: string): string {
  const inPath = !name.includes('/');
  if (code === 'ENOENT' && inPath) return 'executable file not found in $PATH';
  if (code === 'EACCES' && inPath) return 'permission denied';
  const texts: Record<string, string> = {
    ENOENT: `stat ${name}: no such file or directory`,
    ENOTDIR: `stat ${name}: not a directory`,
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    ENOEXEC: 'exec format error',
    E2BIG: 'argument list too long',
    EPERM: 'operation not permitted',
  };
  return texts[code] ?? code;
}
