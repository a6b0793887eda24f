// `POST /containers/{id}/wait`: headers as soon as the waiter is registered (clients start the container only then), body
// at the condition. Runs in the daemon.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import { atLeast } from '../version.ts';

const CONDITIONS = ['not-running', 'next-exit', 'removed'] as const;

export async function wait(call: Call): Promise<void> {
  const wanted = atLeast(call.version, '1.30') ? (call.text('condition') ?? 'not-running') : 'not-running';
  const condition = CONDITIONS.find((known) => known === wanted);
  if (condition === undefined) throw invalidArgument(`invalid condition: ${JSON.stringify(wanted)}`);
  const { response } = call;
  const result = await call.backend.containers.wait(call.param('id'), {
    condition,
    signal: call.signal,
    ready: () => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
    },
  });
  response.end(`${JSON.stringify(result)}\n`);
}
