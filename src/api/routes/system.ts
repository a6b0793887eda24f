// Routes of the daemon itself: ping, version, info, events, disk usage. Runs in the daemon.

import type { Call } from '../call.ts';
import { parseTime } from '../time.ts';

/** The headers that clients negotiate by; Builder-Version 1 is the classic builder. */
export function ping(call: Call): void {
  call.response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': call.request.method === 'HEAD' ? 0 : 2,
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  });
  call.response.end(call.request.method === 'HEAD' ? undefined : 'OK');
}

export async function version(call: Call): Promise<void> {
  call.reply(200, await call.backend.system.version());
}

export async function info(call: Call): Promise<void> {
  call.reply(200, await call.backend.system.info());
}

export async function diskUsage(call: Call): Promise<void> {
  call.reply(200, await call.backend.system.diskUsage());
}

export async function check(call: Call): Promise<void> {
  call.reply(200, await call.backend.system.check());
}

/** An endless stream of JSON lines; ends at `until` or when the client goes away. */
export async function events(call: Call): Promise<void> {
  const options = {
    since: parseTime(call, 'since'),
    until: parseTime(call, 'until'),
    filters: call.filters(),
    signal: call.signal,
    emit: (event: object) => {
      // A client that does not read is cut off rather than remembered without bound.
      if (call.response.writableLength > 1 << 20) call.response.destroy();
      else call.response.write(`${JSON.stringify(event)}\n`);
    },
  };
  call.response.writeHead(200, { 'Content-Type': 'application/json' });
  call.response.flushHeaders();
  await call.backend.system.events(options);
  call.response.end();
}
