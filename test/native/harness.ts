// Builds test/native/plan-harness.c with the sanitizers, once per run of the tests that ask for it.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
const WARNINGS = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wvla', '-Wformat=2'];
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];

/** What the walker is made of. */
export const WALKER = ['', '-copy', '-link', '-load', '-op', '-spawn'].map((part) => `native/plan${part}.c`);

/** A program in C from the repository, in a directory that `remove` takes away. */
export function compile(
  sources: string[],
  { sanitize = true, flags = [] }: { sanitize?: boolean; flags?: string[] } = {},
): { program: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'punnet-harness-'));
  const program = join(dir, 'program');
  const files = sources.map((source) => join(root, source));
  const options = ['-D_GNU_SOURCE', '-std=c11', '-g', '-O1', ...WARNINGS, ...(sanitize ? SANITIZERS : []), ...flags];
  execFileSync(process.env.CC ?? 'gcc', [...options, '-o', program, ...files], { stdio: 'inherit' });
  return { program, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Leaks are not looked for: the walker's caller owns its memory, and LeakSanitizer cannot trace a cloned child. */
export const SANITIZER_ENV = {
  ...process.env,
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
};
