// `GET /containers/{id}/stats`: JSON documents, one now or one a second. Runs in the daemon.

import type { Call } from '../call.ts';
import { atLeast } from '../version.ts';

export async function stats(call: Call): Promise<void> {
  const { response } = call;
  const stream = call.flag('stream', true);
  const write = (body: object) => {
    // A client that does not read is cut off rather than remembered without bound.
    if (response.writableLength > 1 << 20) response.destroy();
    else response.write(`${JSON.stringify(body)}\n`);
  };
  await call.backend.containers.stats(call.param('id'), {
    stream,
    oneShot: atLeast(call.version, '1.41') && call.flag('one-shot'),
    signal: call.signal,
    emit: write,
    ready: () => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      if (stream) response.flushHeaders();
    },
  });
  response.end();
}
