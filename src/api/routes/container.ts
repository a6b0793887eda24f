// Routes of containers that answer with one body; attach, logs and wait have files of their own. Runs in the daemon.

import { PunnetError, invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import type { CreateBody, UpdateBody } from '../types.ts';
import { atLeast } from '../version.ts';

export async function create(call: Call): Promise<void> {
  const body = await call.json<CreateBody>();
  const platform = atLeast(call.version, '1.41') ? call.text('platform') : undefined;
  call.reply(201, await call.backend.containers.create(body, { name: call.text('name'), platform }));
}

export async function list(call: Call): Promise<void> {
  const options = {
    all: call.flag('all'),
    limit: call.integer('limit'),
    size: call.flag('size'),
    filters: call.filters(),
  };
  call.reply(200, await call.backend.containers.list(options));
}

export async function inspect(call: Call): Promise<void> {
  call.reply(200, await call.backend.containers.inspect(call.param('id'), { size: call.flag('size') }));
}

export async function start(call: Call): Promise<void> {
  const length = Number(call.request.headers['content-length'] ?? 0);
  if (length > 7 || call.request.headers['transfer-encoding'] !== undefined) {
    throw invalidArgument(
      'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
    );
  }
  const explain = call.flag('explain');
  const ops = await call.backend.containers.start(call.param('id'), { detachKeys: call.text('detachKeys'), explain });
  if (explain) call.reply(200, ops ?? []);
  else call.done(204);
}

export async function stop(call: Call): Promise<void> {
  await call.backend.containers.stop(call.param('id'), stopOptions(call));
  call.done(204);
}

export async function restart(call: Call): Promise<void> {
  await call.backend.containers.restart(call.param('id'), stopOptions(call));
  call.done(204);
}

export async function kill(call: Call): Promise<void> {
  const id = call.param('id');
  try {
    await call.backend.containers.kill(id, call.text('signal') ?? 'SIGKILL');
  } catch (error) {
    if (!(error instanceof PunnetError)) throw error;
    throw new PunnetError(error.kind, `cannot kill container: ${id}: ${error.message}`, { cause: error });
  }
  call.done(204);
}

export async function pause(call: Call): Promise<void> {
  await call.backend.containers.pause(call.param('id'));
  call.done(204);
}

export async function unpause(call: Call): Promise<void> {
  await call.backend.containers.unpause(call.param('id'));
  call.done(204);
}

export async function top(call: Call): Promise<void> {
  call.reply(200, await call.backend.containers.top(call.param('id'), call.text('ps_args') ?? ''));
}

export async function update(call: Call): Promise<void> {
  call.reply(200, await call.backend.containers.update(call.param('id'), await call.json<UpdateBody>()));
}

export async function prune(call: Call): Promise<void> {
  call.reply(200, await call.backend.containers.prune(call.filters()));
}

export async function rename(call: Call): Promise<void> {
  await call.backend.containers.rename(call.param('id'), call.query.get('name') ?? '');
  call.done(204);
}

export async function resize(call: Call): Promise<void> {
  await call.backend.containers.resize(call.param('id'), sizeQuery(call));
  call.done(200);
}

export async function remove(call: Call): Promise<void> {
  const options = { force: call.flag('force'), volumes: call.flag('v'), link: call.flag('link') };
  await call.backend.containers.remove(call.param('id'), options);
  call.done(204);
}

function stopOptions(call: Call): { signal?: string; timeout?: number } {
  return { signal: atLeast(call.version, '1.42') ? call.text('signal') : undefined, timeout: call.integer('t') };
}

/** `h` and `w`. @throws invalidArgument with Docker's text */
export function sizeQuery(call: Call): { rows: number; columns: number } {
  return { rows: dimension(call, 'h', 'height'), columns: dimension(call, 'w', 'width') };
}

function dimension(call: Call, name: string, word: string): number {
  const value = call.query.get(name) ?? '';
  if (/^\d+$/.test(value) && Number(value) <= 0xffffffff) return Number(value);
  throw invalidArgument(
    `invalid resize ${word} ${JSON.stringify(value)}: strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}
