// The Engine API, one line per route. Runs in the daemon. Docker Engine API v1.24–v1.51.

import { route, type Route } from './route.ts';
import { attach } from './routes/attach.ts';
import * as archive from './routes/archive.ts';
import * as build from './routes/build.ts';
import * as container from './routes/container.ts';
import * as exec from './routes/exec.ts';
import * as image from './routes/image.ts';
import { logs } from './routes/logs.ts';
import * as network from './routes/network.ts';
import { stats } from './routes/stats.ts';
import { swarmRoutes } from './routes/swarm.ts';
import * as system from './routes/system.ts';
import * as volume from './routes/volume.ts';
import { wait } from './routes/wait.ts';

export const ROUTES: Route[] = [
  route('HEAD', '/_ping', system.ping),
  route('GET', '/_ping', system.ping),
  route('GET', '/version', system.version),
  route('GET', '/info', system.info),
  route('GET', '/events', system.events),
  route('GET', '/system/df', system.diskUsage),
  route('GET', '/punnet/check', system.check),

  route('GET', '/volumes', volume.list),
  route('POST', '/volumes/create', volume.create),
  route('POST', '/volumes/prune', volume.prune),
  route('GET', '/volumes/:name', volume.inspect),
  route('DELETE', '/volumes/:name', volume.remove),

  route('GET', '/networks', network.list),
  route('POST', '/networks/create', network.create),
  route('POST', '/networks/prune', network.prune),
  route('GET', '/networks/:id', network.inspect),
  route('DELETE', '/networks/:id', network.remove),
  route('POST', '/networks/:id/connect', network.connect),
  route('POST', '/networks/:id/disconnect', network.disconnect),

  route('POST', '/build', build.build),
  route('POST', '/build/prune', build.prune),
  route('POST', '/punnet/build/secrets', build.secrets),

  route('POST', '/auth', image.login),
  route('GET', '/distribution/*name/json', image.inspectRemote),
  route('GET', '/images/json', image.list),
  route('POST', '/images/create', image.create),
  route('POST', '/images/prune', image.prune),
  route('GET', '/images/search', image.search),
  route('GET', '/images/get', image.save),
  route('GET', '/images/*name/get', image.save),
  route('POST', '/images/load', image.load),
  route('GET', '/images/*name/history', image.history),
  route('POST', '/commit', image.commit),
  route('GET', '/images/*name/json', image.inspect),
  route('POST', '/images/*name/tag', image.tag),
  route('POST', '/images/*name/push', image.push),
  route('DELETE', '/images/*name', image.remove),

  route('GET', '/containers/json', container.list),
  route('POST', '/containers/create', container.create),
  route('GET', '/containers/:id/json', container.inspect),
  route('POST', '/containers/prune', container.prune),
  route('GET', '/containers/:id/logs', logs),
  route('GET', '/containers/:id/changes', archive.changes),
  route('GET', '/containers/:id/export', archive.exportRoot),
  route('HEAD', '/containers/:id/archive', archive.stat),
  route('GET', '/containers/:id/archive', archive.get),
  route('PUT', '/containers/:id/archive', archive.put),
  route('GET', '/containers/:id/stats', stats),
  route('GET', '/containers/:id/top', container.top),
  route('POST', '/containers/:id/start', container.start),
  route('POST', '/containers/:id/stop', container.stop),
  route('POST', '/containers/:id/restart', container.restart),
  route('POST', '/containers/:id/kill', container.kill),
  route('POST', '/containers/:id/pause', container.pause),
  route('POST', '/containers/:id/unpause', container.unpause),
  route('POST', '/containers/:id/update', container.update),
  route('POST', '/containers/:id/rename', container.rename),
  route('POST', '/containers/:id/resize', container.resize),
  route('POST', '/containers/:id/attach', attach),
  route('POST', '/containers/:id/wait', wait),
  route('POST', '/containers/:id/exec', exec.create),
  route('DELETE', '/containers/:id', container.remove),

  route('POST', '/exec/:id/start', exec.start),
  route('POST', '/exec/:id/resize', exec.resize),
  route('GET', '/exec/:id/json', exec.inspect),

  ...swarmRoutes,
];
