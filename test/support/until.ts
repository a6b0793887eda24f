// Waiting without sleeping, free ports, temporary directories: for tests and for the set-up that runs before them.

import { chmodSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty directory with a short path (socket paths must fit 107 bytes); the caller removes it. */
export function makeScratch(name: string): string {
  return mkdtempSync(join(tmpdir(), `pt-${name}-`));
}

/** As makeScratch; others, such as the unprivileged user of root's tests, may enter it. */
export function makeOpenScratch(name: string): string {
  const directory = makeScratch(name);
  chmodSync(directory, 0o755);
  return directory;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/**
 * Asks `probe` again and again until it answers something truthy, and returns that.
 * @throws Error that names `what` and the probe's last error after `seconds` (a bound for hangs, not a measurement)
 */
export async function until<T>(what: string, probe: () => T | Promise<T>, seconds = 30): Promise<NonNullable<T>> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
