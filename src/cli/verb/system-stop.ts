// punnet system stop: ends the daemon, politely. Its containers go on; the next daemon finds them.
// Runs in the CLI, as the user that started the daemon. The data directory's lock says who that daemon is.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../../api/client.ts';
import { errnoOf, PunnetError, unavailable } from '../../base/errors.ts';
import { locations } from '../../base/locations.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'timeout', short: 't', type: 'int', help: 'Seconds to wait for its end', initial: '30' },
];

export const run: Run = async (context, { flags }) => {
  const client = new Client(context.socketPath);
  if (!(await answers(client))) {
    context.out.line('punnetd is not running');
    return;
  }
  const { pid, socket } = lockHolder();
  if (socket !== context.socketPath) {
    throw new Error(`the daemon on ${context.socketPath} is not the one that holds this data directory (pid ${pid})`);
  }
  process.kill(pid, 'SIGTERM');
  const limit = Date.now() + flags.number('timeout', 30) * 1000;
  while (await answers(client)) {
    if (Date.now() > limit) throw unavailable(`punnetd (pid ${pid}) still answers after SIGTERM`);
    await pause(20);
  }
  while (isAlive(pid)) {
    if (Date.now() > limit) throw unavailable(`punnetd (pid ${pid}) does not end`, { fix: `kill -9 ${pid}` });
    await pause(20);
  }
};

function lockHolder(): { pid: number; socket: string } {
  const path = join(locations().root, 'lock');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { pid: number; socket: string };
  } catch (error) {
    throw unavailable(`read ${path}: ${errnoOf(error) ?? 'not JSON'}`, { cause: error });
  }
}

async function answers(client: Client): Promise<boolean> {
  try {
    await client.call('GET', '/_ping');
    return true;
  } catch (error) {
    // Only "nobody listens" is an answer to the question; anything else is a failure of its own.
    if (error instanceof PunnetError && error.kind === 'unavailable') return false;
    if (error instanceof SyntaxError) return true;
    if (errnoOf(error) === 'ECONNRESET' || errnoOf(error) === 'EPIPE') return false;
    throw error;
  } finally {
    client.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
