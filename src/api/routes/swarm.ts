// Routes of a cluster and of plugins: answered as by a Docker that is in no swarm and has no plugins. Runs in the daemon.
// moby: daemon/cluster/errors.go, daemon/pkg/plugin.

import { notFound, notImplemented, unavailable } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import { route, type Route } from '../route.ts';

function notManager(): never {
  throw unavailable(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm ' +
      'and try again.',
  );
}

function notPart(): never {
  throw unavailable('This node is not part of a swarm');
}

function noCluster(): never {
  throw notImplemented('swarm mode is not supported: punnet runs containers on one machine');
}

function noPlugin(call: Call): never {
  throw notFound(`plugin ${JSON.stringify(call.param('name'))} not found`);
}

function noPlugins(): never {
  throw notImplemented('plugins are not supported');
}

/** Kinds of objects that a manager keeps: listed, made, looked at, changed, removed. */
const KINDS = ['services', 'secrets', 'configs'];

export const swarmRoutes: Route[] = [
  route('GET', '/swarm', notManager),
  route('GET', '/swarm/unlockkey', notManager),
  route('POST', '/swarm/update', notManager),
  route('POST', '/swarm/unlock', notPart),
  route('POST', '/swarm/leave', notPart),
  route('POST', '/swarm/init', noCluster),
  route('POST', '/swarm/join', noCluster),
  route('GET', '/nodes', notManager),
  route('GET', '/nodes/:id', notManager),
  route('DELETE', '/nodes/:id', notManager),
  route('POST', '/nodes/:id/update', notManager),
  route('GET', '/tasks', notManager),
  route('GET', '/tasks/:id', notManager),
  route('GET', '/tasks/:id/logs', notManager),
  ...KINDS.flatMap((kind) => [
    route('GET', `/${kind}`, notManager),
    route('POST', `/${kind}/create`, notManager),
    route('GET', `/${kind}/:id`, notManager),
    route('DELETE', `/${kind}/:id`, notManager),
    route('POST', `/${kind}/:id/update`, notManager),
  ]),
  route('GET', '/services/:id/logs', notManager),

  route('GET', '/plugins', (call) => call.reply(200, [])),
  route('GET', '/plugins/*name/json', noPlugin),
  route('DELETE', '/plugins/*name', noPlugin),
  route('POST', '/plugins/pull', noPlugins),
  route('POST', '/plugins/create', noPlugins),
  route('POST', '/plugins/*name/enable', noPlugin),
  route('POST', '/plugins/*name/disable', noPlugin),
];
