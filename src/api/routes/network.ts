// Routes of networks. Runs in the daemon.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import type { NetworkCreateBody } from '../types.ts';

export async function list(call: Call): Promise<void> {
  call.reply(200, await call.backend.networks.list(call.filters()));
}

export async function inspect(call: Call): Promise<void> {
  call.reply(200, await call.backend.networks.inspect(call.param('id')));
}

export async function create(call: Call): Promise<void> {
  call.reply(201, await call.backend.networks.create(await call.json<NetworkCreateBody>()));
}

export async function remove(call: Call): Promise<void> {
  await call.backend.networks.remove(call.param('id'));
  call.done(204);
}

export async function prune(call: Call): Promise<void> {
  call.reply(200, await call.backend.networks.prune(call.filters()));
}

export async function connect(call: Call): Promise<void> {
  const { Container, EndpointConfig } = await call.json<{ Container?: unknown; EndpointConfig?: object | null }>();
  const container = nameOf(Container);
  await call.backend.networks.connect(call.param('id'), { container, endpoint: EndpointConfig ?? {} });
  call.done(200);
}

export async function disconnect(call: Call): Promise<void> {
  const { Container } = await call.json<{ Container?: unknown }>();
  await call.backend.networks.disconnect(call.param('id'), { container: nameOf(Container) });
  call.done(200);
}

function nameOf(container: unknown): string {
  if (typeof container === 'string' && container !== '') return container;
  throw invalidArgument('invalid JSON: Container must name a container');
}
