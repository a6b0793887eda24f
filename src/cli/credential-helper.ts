// Runs `docker-credential-X get|store|erase`. Runs in the CLI, as the user; the helper is found in $PATH.
// github.com/docker/docker-credential-helpers

import { spawn } from 'node:child_process';
import type { AskHelper } from '../base/docker-config.ts';

export interface HelperCall {
  program: string;
  verb: 'get' | 'store' | 'erase';
  /** on its standard input: a secret is in no argument and in no environment */
  input: string;
}

/** Resolves to its exit code and output; its stderr goes to the terminal, since helpers prompt there. */
export function runHelper({ program, verb, input }: HelperCall): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { stdio: ['pipe', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 255, stdout }));
    // A helper that does not read its input closes the pipe: its exit code tells, not EPIPE here.
    child.stdin.once('error', () => {});
    child.stdin.end(input);
  });
}

/** Asks a credential helper. */
export const askHelper: AskHelper = (program, serverAddress) =>
  runHelper({ program, verb: 'get', input: serverAddress });
