// `POST /containers/{id}/attach`: the connection itself becomes the container's stdin, stdout and stderr; half-close by
// the client is the end of stdin. Runs in the daemon.

import { attachKeys } from '../detach-keys.ts';
import type { Call } from '../call.ts';
import { RAW_STREAM, streamType } from '../stream-type.ts';
import { atLeast } from '../version.ts';

export async function attach(call: Call): Promise<void> {
  const id = call.param('id');
  const tty = await call.backend.containers.isTty(id);
  const upgraded = call.request.headers.upgrade !== undefined;
  const type = upgraded && atLeast(call.version, '1.42') ? streamType(tty) : RAW_STREAM;
  const options = {
    stdin: call.flag('stdin'),
    stdout: call.flag('stdout'),
    stderr: call.flag('stderr'),
    logs: call.flag('logs'),
    stream: call.flag('stream'),
    detachKeys: attachKeys(call.text('detachKeys')),
  };
  await call.backend.containers.attach(id, options, () => call.takeOver(type));
}
