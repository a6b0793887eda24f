// Runs `docker-credential-X get` for base/docker-config. Runs in the CLI, as the user; the helper is found in $PATH.

import { spawn } from 'node:child_process';
import type { AskHelper } from '../base/docker-config.ts';

/** Asks a credential helper; its stderr goes to the terminal, since helpers prompt there. */
export const askHelper: AskHelper = (program, serverAddress) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 255, stdout }));
    // A helper that does not read its input closes the pipe: its exit code tells, not EPIPE here.
    child.stdin.once('error', () => {});
    child.stdin.end(serverAddress);
  });
