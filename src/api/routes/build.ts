// Routes of builds. Docker's classic builder: the context is the body, the answer a stream of JSON lines. Runs in the daemon.
// moby: daemon/server/router/build/build_routes.go

import type { BuildEvent } from '../../base/build-event.ts';
import { readDuration } from '../../base/duration.ts';
import { invalidArgument, messageOf, notImplemented } from '../../base/errors.ts';
import type { BuildOptions } from '../backend.ts';
import { ClassicLines } from '../build-lines.ts';
import type { Call } from '../call.ts';
import { errorBody } from '../status.ts';
import type { AuthConfig, ProgressLine } from '../types.ts';

/** An error before the first line is an HTTP status; after it, a line. */
export async function build(call: Call): Promise<void> {
  if (call.text('version') === '2') throw notImplemented('BuildKit is not supported', { fix: 'set DOCKER_BUILDKIT=0' });
  if (call.flag('squash')) throw invalidArgument('squash is only supported with experimental mode');
  if (call.text('outputs')) throw notImplemented('outputs of a build are not supported: it makes an image');
  const { response } = call;
  const quiet = call.flag('q');
  const write = (line: ProgressLine) => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(`${JSON.stringify(line)}\r\n`);
  };
  let failed: Extract<BuildEvent, { type: 'failed' }> | undefined;
  const emit = emitter(call, write);
  if (json<string[]>(call, 'cachefrom', []).length > 0) {
    emit({ type: 'warning', text: 'cache-from is not supported: this daemon looks into its own build cache alone' });
  }
  try {
    const { Id } = await call.backend.builds.build(optionsOf(call), {
      body: call.request,
      signal: call.signal,
      emit: (event) => {
        if (event.type === 'failed') failed = event;
        if (!quiet) emit(event);
      },
    });
    if (quiet) write({ stream: `${Id}\n` });
  } catch (error) {
    if (!response.headersSent) throw error;
    const { message } = errorBody(error);
    const code = failed?.failure.exitCode;
    write({ errorDetail: { ...(code !== undefined && { code }), message }, error: message });
  }
  response.end();
}

/** punnet's own command line takes the events as they are. */
function emitter(call: Call, write: (line: ProgressLine) => void): (event: BuildEvent) => void {
  if (call.flag('punnet')) return (event) => write({ id: 'punnet.build', aux: event });
  const lines = new ClassicLines(write);
  return (event) => lines.event(event);
}

export async function secrets(call: Call): Promise<void> {
  call.reply(201, call.backend.builds.keepSecrets(await call.json<Record<string, string>>()));
}

/** `filters={"until":["24h"]}`; without `all`, what was of use within a day stays. */
export async function prune(call: Call): Promise<void> {
  const all = call.flag('all');
  const [until] = call.filters().until ?? [];
  const day = 24 * 3600 * 1000;
  const unusedFor = until === undefined ? (all ? 0 : day) : duration(until);
  const keepStorage = call.integer('keep-storage') ?? call.integer('reserved-space');
  call.reply(200, await call.backend.builds.prune({ all, unusedFor, keepStorage: keepStorage || undefined }));
}

function duration(text: string): number {
  try {
    return readDuration(text) / 1e6;
  } catch (error) {
    throw invalidArgument(`invalid filter 'until=${text}': ${messageOf(error)}`, { cause: error });
  }
}

function optionsOf(call: Call): BuildOptions {
  const stages = json<string[]>(call, 'nocachefilter', []);
  return {
    dockerfile: call.text('dockerfile') ?? 'Dockerfile',
    remote: call.text('remote'),
    names: call.query.getAll('t').filter((name) => name !== ''),
    args: stringsOf(json(call, 'buildargs', {})),
    target: call.text('target'),
    platform: call.text('platform'),
    labels: stringsOf(json(call, 'labels', {})),
    noCache: call.flag('nocache') || stages,
    pull: call.flag('pull'),
    network: call.text('networkmode') ?? '',
    limits: limitsOf(call),
    secrets: call.text('secrets'),
    ssh: json(call, 'ssh', {}),
    credentials: credentialsOf(call.request.headers['x-registry-config']),
  };
}

function limitsOf(call: Call): BuildOptions['limits'] {
  const limits: BuildOptions['limits'] = {
    Memory: call.integer('memory'),
    MemorySwap: call.integer('memswap'),
    CpuShares: call.integer('cpushares'),
    CpuPeriod: call.integer('cpuperiod'),
    CpuQuota: call.integer('cpuquota'),
    CpusetCpus: call.text('cpusetcpus'),
    CpusetMems: call.text('cpusetmems'),
    CgroupParent: call.text('cgroupparent'),
    ShmSize: call.integer('shmsize') || undefined,
    Ulimits: json(call, 'ulimits', undefined),
    ExtraHosts: listOf(call, 'extrahosts'),
    SecurityOpt: json(call, 'securityopt', undefined),
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined && value !== null));
}

/** A JSON parameter. @throws invalidArgument when it is not JSON */
function json<T>(call: Call, name: string, otherwise: T): T {
  const text = call.text(name);
  if (text === undefined) return otherwise;
  try {
    return (JSON.parse(text) as T | null) ?? otherwise;
  } catch (error) {
    throw invalidArgument(`error reading ${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** Some clients send a list as JSON, others as parameters that repeat. */
function listOf(call: Call, name: string): string[] | undefined {
  const values = call.query.getAll(name).filter((value) => value !== '');
  if (values.length === 0) return undefined;
  return values[0]!.startsWith('[') ? json(call, name, []) : values;
}

/** A null stands for an argument that the client's environment does not have. */
function stringsOf(values: Record<string, string | null>): Record<string, string> {
  if (typeof values !== 'object' || Array.isArray(values)) throw invalidArgument('expected an object of strings');
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/** `X-Registry-Config`: base64url of JSON, registry → credentials. One that is not is treated as absent, as Docker does. */
function credentialsOf(header: string | string[] | undefined): Record<string, AuthConfig> {
  if (typeof header !== 'string' || header === '') return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, AuthConfig>) : {};
  } catch {
    return {};
  }
}
