// punnet build: sends a context, shows what becomes of it. docker/cli: cli/command/image/build.go.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { BuildEvent } from '../../base/build-event.ts';
import { parseBytes } from '../../base/byte-size.ts';
import { readCsv } from '../../base/csv.ts';
import { PunnetError } from '../../base/errors.ts';
import type { ProgressLine } from '../../api/types.ts';
import type { ContextSource } from '../build/context.ts';
import type { Context } from '../context.ts';
import { Exit } from '../exit.ts';
import type { Flag, Flags } from '../flag.ts';
import { readUlimit } from '../option/key-value.ts';
import { eachJson } from '../stream/each-json.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'add-host', type: 'list', help: 'Add a custom host-to-IP mapping ("host:ip")' },
  { name: 'build-arg', type: 'list', help: 'Set build-time variables' },
  { name: 'cgroup-parent', type: 'string', help: 'Set the parent cgroup for the RUN instructions during build' },
  { name: 'cpu-period', type: 'int', help: 'Limit the CPU CFS period', initial: '0' },
  { name: 'cpu-quota', type: 'int', help: 'Limit the CPU CFS quota', initial: '0' },
  { name: 'cpu-shares', short: 'c', type: 'int', help: 'CPU shares (relative weight)', initial: '0' },
  { name: 'cpuset-cpus', type: 'string', help: 'CPUs in which to allow execution (0-3, 0,1)' },
  { name: 'cpuset-mems', type: 'string', help: 'MEMs in which to allow execution (0-3, 0,1)' },
  { name: 'explain', type: 'bool', help: 'Say why a step was not found in the cache' },
  { name: 'file', short: 'f', type: 'string', help: 'Name of the Dockerfile (Default is "PATH/Dockerfile")' },
  { name: 'force-rm', type: 'bool', help: 'Always remove intermediate containers' },
  { name: 'iidfile', type: 'string', help: 'Write the image ID to the file' },
  { name: 'label', type: 'list', help: 'Set metadata for an image' },
  { name: 'memory', short: 'm', type: 'bytes', help: 'Memory limit', initial: '0', read: parseBytes },
  {
    name: 'memory-swap',
    type: 'bytes',
    help: 'Swap limit equal to memory plus swap: -1 to enable unlimited swap',
    initial: '0',
    read: (text) => (text === '-1' ? -1 : parseBytes(text)),
  },
  { name: 'metadata-file', type: 'string', help: 'Write build result metadata to a file' },
  { name: 'network', type: 'string', help: 'Set the networking mode for the RUN instructions during build' },
  { name: 'no-cache', type: 'bool', help: 'Do not use cache when building the image' },
  { name: 'no-cache-filter', type: 'list', help: 'Do not cache specified stages' },
  { name: 'platform', type: 'string', help: 'Set platform if server is multi-platform capable' },
  {
    name: 'progress',
    type: 'string',
    help: 'Set type of progress output',
    initial: '"auto"',
    choices: ['auto', 'plain', 'tty', 'json', 'quiet'],
  },
  { name: 'pull', type: 'bool', help: 'Always attempt to pull a newer version of the image' },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Suppress the build output and print image ID on success' },
  { name: 'rm', type: 'bool', help: 'Remove intermediate containers after a successful build', initial: 'true' },
  { name: 'secret', type: 'list', help: 'Secret to expose to the build (id=mysecret[,src=/local/secret|,env=NAME])' },
  { name: 'security-opt', type: 'list', help: 'Security options' },
  { name: 'shm-size', type: 'bytes', help: 'Size of "/dev/shm"', initial: '0', read: parseBytes },
  { name: 'squash', type: 'bool', help: 'Squash newly built layers into a single new layer' },
  { name: 'ssh', type: 'list', help: 'SSH agent socket to expose to the build (default|<id>[=<socket>])' },
  { name: 'tag', short: 't', type: 'list', help: 'Name and optionally a tag in the "name:tag" format' },
  { name: 'target', type: 'string', help: 'Set the target build stage to build' },
  { name: 'ulimit', type: 'ulimit', help: 'Ulimit options', initial: '[]', read: readUlimit },
];

export const examples = [
  'punnet build -t app:1 .',
  'punnet build --target test --progress plain --explain .',
  'punnet build --secret id=token,src=$HOME/.token -t app:1 .',
  'punnet build -t app:1 - < Dockerfile',
];

export const run: Run = async (context, { flags, positional: [where = ''] }) => {
  const remote = /^(https?|git|ssh):\/\/|^git@[^/]+:/.test(where) ? where : undefined;
  const source = remote === undefined ? await sourceOf(where, flags) : undefined;
  const response = await context.client.stream('POST', '/build', {
    query: await queryOf(context, flags, { remote, source }),
    headers: { 'Content-Type': 'application/x-tar', 'X-Registry-Config': await registries(context) },
    upload: source?.archive ?? nothing(),
  });
  const { image, failure, error } = await follow(context, flags, response.body);
  if (image === undefined || error !== undefined) {
    const { failureText } = await import('../build/failure.ts');
    if (!failure) throw new Error(error ?? 'the build ended without an image');
    const dockerfile = flags.text('file') || 'Dockerfile';
    const { message, fix } = failure;
    const status = failure.failure.exitCode ?? 1;
    throw new Exit(status, failureText(failure.failure, { message, fix, dockerfile, text: source?.text }));
  }
  writeResults(flags, image);
  if (flags.on('quiet') || flags.text('progress') === 'quiet') context.out.line(image);
};

async function sourceOf(where: string, flags: Flags): Promise<ContextSource> {
  const file = flags.changed('file') ? flags.text('file') : undefined;
  const { directoryContext } = await import('../build/context.ts');
  if (where !== '-' && file !== '-') return directoryContext(where, { file, given: undefined });
  if (where === '-' && file === '-') {
    throw new Error('invalid argument: can’t use stdin for both build context and dockerfile');
  }
  const { stdinContext, stdinText } = await import('../build/stdin.ts');
  return where === '-' ? stdinContext(file) : directoryContext(where, { file: undefined, given: stdinText() });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

interface Sent {
  remote: string | undefined;
  source: ContextSource | undefined;
}

async function queryOf(context: Context, flags: Flags, { remote, source }: Sent) {
  const json = (value: unknown[] | object) => (Object.keys(value).length > 0 ? JSON.stringify(value) : undefined);
  return {
    punnet: true,
    remote,
    dockerfile: source?.dockerfile ?? flags.text('file'),
    t: flags.all('tag'),
    buildargs: json(variables(flags.all('build-arg'), context.env)),
    labels: json(labels(flags.all('label'))),
    target: flags.text('target'),
    platform: flags.text('platform', context.env.DOCKER_DEFAULT_PLATFORM ?? ''),
    nocache: flags.on('no-cache'),
    nocachefilter: json(flags.all('no-cache-filter').flatMap((names) => names.split(','))),
    pull: flags.on('pull'),
    squash: flags.on('squash'),
    networkmode: flags.text('network'),
    memory: flags.number('memory') || undefined,
    memswap: flags.number('memory-swap') || undefined,
    cpushares: flags.number('cpu-shares') || undefined,
    cpuperiod: flags.number('cpu-period') || undefined,
    cpuquota: flags.number('cpu-quota') || undefined,
    cpusetcpus: flags.text('cpuset-cpus'),
    cpusetmems: flags.text('cpuset-mems'),
    cgroupparent: flags.text('cgroup-parent'),
    shmsize: flags.number('shm-size') || undefined,
    ulimits: json(flags.all('ulimit')),
    extrahosts: json(flags.all('add-host')),
    securityopt: json(flags.all('security-opt')),
    secrets: await secrets(context, flags.all('secret')),
    ssh: json(agents(flags.all('ssh'), context.env)),
  };
}

/** `NAME=value`, or `NAME` for the value that it has here; one that has none here is left out. */
function variables(words: string[], env: NodeJS.ProcessEnv): Record<string, string> {
  if (env.SOURCE_DATE_EPOCH !== undefined) words = [`SOURCE_DATE_EPOCH=${env.SOURCE_DATE_EPOCH}`, ...words];
  const given: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? env[name] : word.slice(equals + 1);
    if (value !== undefined) given[name] = value;
  }
  return given;
}

function labels(words: string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word.split('=', 1)[0]!, word.split('=').slice(1).join('=')]));
}

/** Secrets go in a request of their own, whose body nobody logs and no disk sees. */
async function secrets(context: Context, words: string[]): Promise<string | undefined> {
  if (words.length === 0) return undefined;
  const body: Record<string, string> = {};
  for (const word of words) {
    const fields = new Map(readCsv(word).map((field) => field.split(/=(.*)/s, 2) as [string, string]));
    const id = fields.get('id');
    if (!id) throw new Error(`invalid secret ${JSON.stringify(word)}: it has no id`);
    const variable = fields.get('env') ?? (fields.get('type') === 'env' ? fields.get('src') : undefined);
    const path = fields.get('src') ?? fields.get('source');
    if (variable === undefined && path === undefined && context.env[id] === undefined && !existsSync(id)) {
      throw new Error(`invalid secret ${id}: neither src nor env says where it is`);
    }
    const value = variable ?? (path === undefined && context.env[id] !== undefined ? id : undefined);
    if (value !== undefined && context.env[value] === undefined) throw new Error(`secret ${id}: no variable ${value}`);
    const bytes = value === undefined ? readFileSync(path ?? id) : Buffer.from(context.env[value]!);
    body[id] = bytes.toString('base64');
  }
  return (await context.client.call<{ Id: string }>('POST', '/punnet/build/secrets', { body })).Id;
}

/** id → socket of an agent; `default` is the user's own. */
function agents(words: string[], env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [id = '', socket = env.SSH_AUTH_SOCK] = word.split('=', 2);
      if (!socket) throw new Error(`invalid ssh ${JSON.stringify(word)}: there is no SSH_AUTH_SOCK`);
      return [id, socket];
    }),
  );
}

async function registries(context: Context): Promise<string> {
  const { authFor } = await import('../../base/docker-config.ts');
  const { askHelper } = await import('../credential-helper.ts');
  const config = await context.config();
  const all: Record<string, object> = {};
  for (const name of [...Object.keys(config.auths ?? {}), ...Object.keys(config.credHelpers ?? {})]) {
    const domain = name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
    const found = await authFor(domain === 'index.docker.io' ? 'docker.io' : domain, { config, ask: askHelper });
    if (found) all[name] = found;
  }
  return Buffer.from(JSON.stringify(all)).toString('base64');
}

interface Outcome {
  image: string | undefined;
  failure: Extract<BuildEvent, { type: 'failed' }> | undefined;
  error: string | undefined;
}

async function follow(context: Context, flags: Flags, body: Parameters<typeof eachJson>[0]): Promise<Outcome> {
  const { BuildProgress } = await import('../build/progress.ts');
  // As docker: what happens goes to stderr, the result to stdout.
  const out = context.err;
  const wanted = flags.text('progress', 'auto');
  if (!['auto', 'plain', 'tty', 'json', 'quiet'].includes(wanted)) throw new Error(`invalid progress type ${wanted}`);
  const mode = flags.on('quiet') ? 'quiet' : wanted === 'auto' ? (out.isTerminal ? 'tty' : 'plain') : wanted;
  const progress = new BuildProgress(
    { write: (text) => out.write(text), columns: out.size().columns || 80 },
    { mode: mode as 'plain', explain: flags.on('explain') },
  );
  const outcome: Outcome = { image: undefined, failure: undefined, error: undefined };
  await eachJson<ProgressLine>(body, (line) => {
    if (line.error !== undefined) outcome.error = line.errorDetail?.message ?? line.error;
    if (line.id !== 'punnet.build') return;
    const event = line.aux as BuildEvent;
    if (event.type === 'failed') outcome.failure = event;
    if (event.type === 'built') outcome.image = event.image;
    progress.event(event);
  });
  return outcome;
}

function writeResults(flags: Flags, image: string): void {
  if (flags.changed('iidfile')) writeFileSync(flags.text('iidfile'), image);
  if (!flags.changed('metadata-file')) return;
  const metadata = {
    'containerimage.config.digest': image,
    'image.name': flags.all('tag').join(',') || undefined,
  };
  try {
    writeFileSync(flags.text('metadata-file'), `${JSON.stringify(metadata, null, 2)}\n`);
  } catch (error) {
    throw new PunnetError('internal', `write ${flags.text('metadata-file')}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
