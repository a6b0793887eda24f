// Routes of execs: a further process in a running container, made, started, looked at. Runs in the daemon.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import { attachKeys } from '../detach-keys.ts';
import { RAW_STREAM, streamType } from '../stream-type.ts';
import type { ExecBody, ExecStartBody } from '../types.ts';
import { atLeast } from '../version.ts';
import { sizeQuery } from './container.ts';

export async function create(call: Call): Promise<void> {
  const body = await call.json<ExecBody>();
  if (!atLeast(call.version, '1.42')) delete body.ConsoleSize;
  if (body.DetachKeys !== undefined && typeof body.DetachKeys !== 'string') {
    throw invalidArgument('invalid JSON: DetachKeys is not a string');
  }
  const detachKeys = attachKeys(body.DetachKeys || undefined);
  call.reply(201, await call.backend.execs.create(call.param('id'), body, { detachKeys }));
}

export async function start(call: Call): Promise<void> {
  const body = await call.json<ExecStartBody>();
  if (body.ConsoleSize && (!body.Tty || body.Detach)) {
    throw invalidArgument(`console size is only supported when ${body.Tty ? 'attached' : 'tty is enabled'}`);
  }
  const upgraded = call.request.headers.upgrade !== undefined;
  const type = upgraded && atLeast(call.version, '1.42') ? streamType(body.Tty === true) : RAW_STREAM;
  await call.backend.execs.start(call.param('id'), { body, open: () => call.takeOver(type) });
  if (body.Detach === true) call.done(200);
}

export async function inspect(call: Call): Promise<void> {
  call.reply(200, await call.backend.execs.inspect(call.param('id')));
}

export async function resize(call: Call): Promise<void> {
  await call.backend.execs.resize(call.param('id'), sizeQuery(call));
  call.done(200);
}
