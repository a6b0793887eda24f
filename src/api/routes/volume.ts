// Routes of volumes. Runs in the daemon.

import type { Call } from '../call.ts';
import type { VolumeCreateBody } from '../types.ts';
import { atLeast } from '../version.ts';

export async function list(call: Call): Promise<void> {
  call.reply(200, await call.backend.volumes.list(call.filters()));
}

export async function create(call: Call): Promise<void> {
  call.reply(201, await call.backend.volumes.create(await call.json<VolumeCreateBody>()));
}

export async function inspect(call: Call): Promise<void> {
  call.reply(200, await call.backend.volumes.inspect(call.param('name')));
}

export async function remove(call: Call): Promise<void> {
  await call.backend.volumes.remove(call.param('name'), { force: call.flag('force') });
  call.done(204);
}

export async function prune(call: Call): Promise<void> {
  // Before 1.42 named volumes were pruned unasked.
  call.reply(200, await call.backend.volumes.prune({ filters: call.filters(), all: !atLeast(call.version, '1.42') }));
}
