// `GET /containers/{id}/logs`: frames, or raw bytes for a tty, chunked. Runs in the daemon.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import { parseTime } from '../time.ts';
import { RAW_STREAM, streamType } from '../stream-type.ts';
import { atLeast } from '../version.ts';

export async function logs(call: Call): Promise<void> {
  const stdout = call.flag('stdout');
  const stderr = call.flag('stderr');
  if (!stdout && !stderr) throw invalidArgument("must specify at least one of 'stdout' or 'stderr'");
  const id = call.param('id');
  const options = {
    follow: call.flag('follow'),
    stdout,
    stderr,
    tail: tailOf(call.text('tail')),
    timestamps: call.flag('timestamps'),
    details: call.flag('details'),
    since: parseTime(call, 'since'),
    until: parseTime(call, 'until'),
    signal: call.signal,
  };
  const tty = await call.backend.containers.isTty(id);
  call.response.setHeader('Content-Type', atLeast(call.version, '1.42') ? streamType(tty) : RAW_STREAM);
  await call.backend.containers.logs(id, options, call.response);
  call.response.end();
}

/** Whole numbers ≥ 0; anything else (`all`) means every line, as in Docker. */
function tailOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
