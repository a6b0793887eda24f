// One walk through every route of the Engine API that is not a swarm's or a plugin's: request and expected status, in an
// order in which each finds what it needs. `{name}` in a path, a query or a body is what an earlier step kept. Data only.

import { tarOf } from '../support/image.ts';

export interface Step {
  /** as in the reference: `GET /containers/{id}/json` */
  route: string;
  status: number;
  /** values of the route's own placeholders; default: kept ones of the same name */
  id?: string;
  query?: string;
  body?: object | Buffer;
  headers?: Record<string, string>;
  /** the answer is lines of JSON, each as the reference has it */
  lines?: true;
  /** the connection is taken over, and closed by whoever has nothing more to say */
  hijack?: true;
  /** keeps a value of the answer for later steps */
  keep?: Record<string, (body: never) => string>;
  /** what the answer must be like, as of expect().toMatchObject */
  like?: unknown;
  /** only punnet is asked, and why */
  onlyPunnet?: string;
}

const NO_BRIDGE = 'the dockerd of these tests makes no bridges';
const OLD = 'newer than the dockerd of these tests';

export const STEPS: Step[] = [
  { route: 'GET /_ping', status: 200 },
  { route: 'HEAD /_ping', status: 200 },
  { route: 'GET /version', status: 200 },
  { route: 'GET /info', status: 200 },

  // Images.
  { route: 'GET /images/json', status: 200, query: 'all=1&digests=1' },
  { route: 'GET /images/{name}/json', id: 'busybox', status: 200 },
  { route: 'GET /images/{name}/json', id: 'no/such-image', status: 404 },
  { route: 'GET /images/{name}/history', id: 'busybox', status: 200 },
  { route: 'POST /images/{name}/tag', id: 'busybox', query: 'repo={registry}/walk/{unique}&tag=1', status: 201 },
  { route: 'POST /images/{name}/tag', id: 'no/such-image', query: 'repo=x&tag=1', status: 404 },
  { route: 'POST /images/{name}/tag', id: 'busybox', query: 'repo=UPPER&tag=1', status: 400, onlyPunnet: OLD },
  {
    route: 'POST /images/{name}/push',
    id: '{registry}/walk/{unique}',
    query: 'tag=1',
    headers: { 'X-Registry-Auth': 'e30=' },
    status: 200,
  },
  { route: 'GET /distribution/{name}/json', id: '{registry}/walk/{unique}:1', status: 200 },
  { route: 'POST /images/create', query: 'fromImage={registry}/walk/{unique}&tag=1', status: 200 },
  { route: 'POST /images/create', query: 'fromImage={registry}/walk/none&tag=1', status: 404 },
  { route: 'GET /images/{name}/get', id: '{registry}/walk/{unique}:1', status: 200 },
  { route: 'GET /images/get', query: 'names=busybox', status: 200 },
  { route: 'POST /images/load', query: 'quiet=1', body: tarOf([]), headers: TAR(), status: 200 },
  { route: 'DELETE /images/{name}', id: '{registry}/walk/{unique}:1', status: 200 },
  { route: 'DELETE /images/{name}', id: 'no/such-image', status: 404 },
  { route: 'POST /auth', body: { username: 'u', password: 'p', serveraddress: '{registry}' }, status: 200 },

  // A container that runs.
  {
    route: 'POST /containers/create',
    query: 'name={unique}',
    body: {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo out; echo err >&2; exec sleep 600'],
      Labels: { walk: '{unique}' },
      ExposedPorts: { '80/tcp': {} },
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000 },
      Volumes: { '/anonymous': {} },
      HostConfig: { NetworkMode: 'none', Tmpfs: { '/t': 'size=1m' }, LogConfig: { Type: 'json-file', Config: {} } },
    },
    status: 201,
    keep: { id: ({ Id }: { Id: string }) => Id },
  },
  { route: 'POST /containers/create', query: 'name={unique}', body: { Image: 'busybox' }, status: 409 },
  { route: 'POST /containers/create', body: { Image: 'no/such-image' }, status: 404 },
  { route: 'POST /containers/create', body: { Image: 'busybox', WorkingDir: 'x' }, status: 400 },
  { route: 'POST /containers/{id}/attach', query: 'stream=0&logs=1&stdout=1', status: 101, hijack: true },
  { route: 'POST /containers/{id}/start', status: 204 },
  { route: 'POST /containers/{id}/start', status: 304 },
  { route: 'POST /containers/{id}/start', id: 'no-such-container', status: 404 },
  { route: 'GET /containers/{id}/json', query: 'size=1', status: 200, like: { State: { Running: true } } },
  { route: 'GET /containers/{id}/json', id: 'no-such-container', status: 404 },
  { route: 'GET /containers/json', query: 'all=1&size=1', status: 200 },
  { route: 'GET /containers/json', query: 'filters={"colour":["red"]}', status: 400 },
  { route: 'GET /containers/{id}/top', status: 200 },
  { route: 'GET /containers/{id}/logs', query: 'stdout=1&stderr=1&tail=1', status: 200 },
  { route: 'GET /containers/{id}/logs', status: 400 },
  { route: 'GET /containers/{id}/stats', query: 'stream=0', status: 200 },
  { route: 'POST /containers/{id}/resize', query: 'h=1&w=x', status: 400 },
  {
    route: 'POST /containers/{id}/update',
    body: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    status: 200,
  },
  { route: 'POST /containers/{id}/rename', query: 'name={unique}-b', status: 204 },
  { route: 'POST /containers/{id}/rename', query: 'name=', status: 400 },
  {
    route: 'PUT /containers/{id}/archive',
    query: 'path=/tmp',
    body: tarOf([{ name: 'f', content: 'x' }]),
    headers: TAR(),
    status: 200,
  },
  { route: 'HEAD /containers/{id}/archive', query: 'path=/tmp/f', status: 200 },
  { route: 'GET /containers/{id}/archive', query: 'path=/tmp/f', status: 200 },
  { route: 'GET /containers/{id}/archive', query: 'path=/nothing', status: 404 },
  { route: 'GET /containers/{id}/archive', status: 400 },
  { route: 'GET /containers/{id}/changes', status: 200 },
  { route: 'GET /containers/{id}/export', status: 200 },
  { route: 'POST /commit', query: 'container={id}&repo=walk-{unique}', body: {}, status: 201 },
  { route: 'DELETE /images/{name}', id: 'walk-{unique}', status: 200 },

  // Execs.
  {
    route: 'POST /containers/{id}/exec',
    body: { Cmd: ['true'], AttachStdout: true },
    status: 201,
    keep: { exec: ({ Id }: { Id: string }) => Id },
  },
  { route: 'GET /exec/{id}/json', id: '{exec}', status: 200, like: { Running: false, ExitCode: null } },
  { route: 'POST /exec/{id}/start', id: '{exec}', body: { Detach: false }, status: 101, hijack: true },
  { route: 'GET /exec/{id}/json', id: '{exec}', status: 200, like: { Running: false, ExitCode: 0 } },
  { route: 'GET /exec/{id}/json', id: 'no-such-exec', status: 404 },
  { route: 'POST /exec/{id}/resize', id: 'no-such-exec', query: 'h=1&w=1', status: 404 },

  { route: 'POST /containers/{id}/restart', query: 't=0', status: 204 },
  { route: 'POST /containers/{id}/kill', query: 'signal=NONSENSE', status: 400 },
  { route: 'POST /containers/{id}/kill', query: 'signal=URG', status: 204 },
  { route: 'DELETE /containers/{id}', status: 409 },
  { route: 'POST /containers/{id}/stop', query: 't=0', status: 204 },
  { route: 'POST /containers/{id}/stop', status: 304 },
  { route: 'POST /containers/{id}/kill', status: 409 },
  { route: 'POST /containers/{id}/wait', status: 200, like: { StatusCode: 137 } },
  { route: 'POST /containers/{id}/wait', query: 'condition=nonsense', status: 400, onlyPunnet: OLD },
  { route: 'GET /containers/{id}/json', status: 200, like: { State: { Status: 'exited', ExitCode: 137 } } },
  { route: 'GET /events', query: 'since=0&until={now}&filters={"container":["{id}"]}', status: 200, lines: true },
  { route: 'GET /system/df', status: 200 },
  { route: 'DELETE /containers/{id}', query: 'v=1', status: 204 },
  { route: 'DELETE /containers/{id}', status: 404 },

  // Volumes.
  { route: 'POST /volumes/create', body: { Name: '{unique}', Labels: { walk: '{unique}' } }, status: 201 },
  { route: 'GET /volumes/{name}', id: '{unique}', status: 200 },
  { route: 'GET /volumes/{name}', id: 'no-such-volume', status: 404 },
  { route: 'GET /volumes', status: 200 },
  { route: 'DELETE /volumes/{name}', id: '{unique}', status: 204 },
  { route: 'DELETE /volumes/{name}', id: '{unique}', status: 404 },

  // Networks.
  { route: 'GET /networks', status: 200 },
  { route: 'GET /networks/{id}', id: 'none', status: 200 },
  { route: 'GET /networks/{id}', id: 'no-such-network', status: 404 },
  { route: 'DELETE /networks/{id}', id: 'none', status: 403 },
  {
    route: 'POST /networks/create',
    body: { Name: '{unique}', Driver: 'bridge', Labels: { walk: '{unique}' } },
    status: 201,
    keep: { network: ({ Id }: { Id: string }) => Id },
    onlyPunnet: NO_BRIDGE,
  },
  { route: 'GET /networks/{id}', id: '{network}', query: 'verbose=1', status: 200, onlyPunnet: NO_BRIDGE },
  {
    route: 'POST /containers/create',
    query: 'name={unique}',
    body: { Image: 'busybox', Cmd: ['true'] },
    status: 201,
    keep: { id: ({ Id }: { Id: string }) => Id },
  },
  {
    route: 'POST /networks/{id}/connect',
    id: '{network}',
    body: { Container: '{id}', EndpointConfig: { Aliases: ['a'] } },
    status: 200,
    onlyPunnet: NO_BRIDGE,
  },
  {
    route: 'POST /networks/{id}/disconnect',
    id: '{network}',
    body: { Container: '{id}' },
    status: 200,
    onlyPunnet: NO_BRIDGE,
  },
  { route: 'DELETE /networks/{id}', id: '{network}', status: 204, onlyPunnet: NO_BRIDGE },

  // What is left over; each of it bears a label that nothing else has.
  { route: 'POST /containers/prune', query: 'filters={"label":["none={unique}"]}', status: 200 },
  { route: 'POST /images/prune', query: 'filters={"label":["none={unique}"]}', status: 200 },
  { route: 'POST /volumes/prune', query: 'filters={"label":["none={unique}"]}', status: 200 },
  { route: 'POST /networks/prune', query: 'filters={"label":["none={unique}"]}', status: 200 },
  { route: 'DELETE /containers/{id}', query: 'force=1&v=1', status: 204 },

  {
    route: 'POST /build',
    query: 't=walk-{unique}&labels={"walk":"{unique}"}',
    headers: TAR(),
    body: tarOf([{ name: 'Dockerfile', content: 'FROM busybox\nENV WALK=1\n' }]),
    status: 200,
  },
  { route: 'DELETE /images/{name}', id: 'walk-{unique}', status: 200 },
  { route: 'POST /build/prune', query: 'filters={"until":["1h"]}', status: 200 },
];

/** Routes that no step asks for, with the reason. */
export const NOT_WALKED: Record<string, string> = {
  'POST /containers/{id}/pause': 'the hosts of these tests have no cgroup to freeze for every engine: control.test.ts',
  'POST /containers/{id}/unpause': 'as pause',
  'GET /containers/{id}/attach/ws': 'no client of the tests speaks it',
  'GET /images/search': 'asks an index on the internet',
  'GET /images/{name}/attestations': OLD,
  'PUT /volumes/{name}': 'cluster volumes of a swarm',
  'POST /session': 'BuildKit',
};

/**
 * Faults that are none: the document describes an API newer than those that the engines speak. Pattern of the fault, reason.
 */
export const ACCEPTED: [route: string, fault: RegExp, reason: string][] = [
  ['GET /info', /^\/(KernelMemory(TCP)?|BridgeNf\w+) is unknown$/, 'before 1.50'],
  ['GET /info', /^\/RegistryConfig\/AllowNondistributable\w+ is unknown$/, 'before 1.49'],
  ['GET /info', /^\/\w+Commit\/Expected is unknown$/, 'before 1.49'],
  ['GET /images/json', /^\/\d+\/VirtualSize is unknown$/, 'before 1.44'],
  ['GET /images/{name}/json', /^\/(VirtualSize|Parent|Container|DockerVersion) is unknown$/, 'before 1.52'],
  ['GET /images/{name}/json', /^\/ContainerConfig is unknown$/, 'before 1.45; docker-compose 1 reads it'],
  [
    'GET /images/{name}/json',
    /^\/Config\/(\w*name|Attach\w+|Tty|OpenStdin|StdinOnce|Image) is unknown$/,
    'before 1.50',
  ],
  ['GET /containers/{id}/json', /^\/HostConfig\/KernelMemory(TCP)? is unknown$/, 'before 1.42'],
  ['GET /containers/{id}/json', /^\/HostConfig\/(MemorySwappiness|OomKillDisable) must be/, 'null: the kernel decides'],
  ['GET /containers/{id}/json', /^\/NetworkSettings\/\w+ is unknown$/, 'of the default bridge, before 1.52'],
  ['GET /exec/{id}/json', /^\/ExitCode must be integer$/, 'null: it has not ended'],
  ['GET /events', /^\/(status|id|from) is unknown$/, 'before 1.52'],
  ['GET /system/df', /^\/(LayersSize|Images|Containers|Volumes|BuildCache|BuilderSize) is unknown$/, 'before 1.52'],
  ['GET /networks', /^\/\d+\/Containers is unknown$/, 'before 1.52'],
];

function TAR(): Record<string, string> {
  return { 'Content-Type': 'application/x-tar' };
}
