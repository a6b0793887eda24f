// Routes of images. Runs in the daemon.

import { invalidArgument, messageOf, notImplemented } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import { progressLines } from '../progress-lines.ts';
import type { AuthConfig, ContainerConfigBody } from '../types.ts';
import { atLeast } from '../version.ts';

export async function list(call: Call): Promise<void> {
  const options = { all: call.flag('all'), digests: call.flag('digests'), filters: call.filters() };
  call.reply(200, await call.backend.images.list(options));
}

/** With ContainerConfig, although 1.45 has it no more: docker-compose 1 speaks the newest version, and cannot recreate without. */
export async function inspect(call: Call): Promise<void> {
  const image = (await call.backend.images.inspect(call.param('name'))) as { Size: number; Config: object };
  const former = atLeast(call.version, '1.44') ? {} : { VirtualSize: image.Size };
  call.reply(200, { ...image, ...former, Container: '', ContainerConfig: image.Config });
}

export async function remove(call: Call): Promise<void> {
  const options = { force: call.flag('force'), prune: !call.flag('noprune') };
  call.reply(200, await call.backend.images.remove(call.param('name'), options));
}

export async function tag(call: Call): Promise<void> {
  await call.backend.images.tag(call.param('name'), { repo: call.text('repo') ?? '', tag: call.text('tag') });
  call.done(201);
}

/** Pull, or import. */
export async function create(call: Call): Promise<void> {
  if (call.text('fromSrc') !== undefined) return importArchive(call, call.text('fromSrc')!);
  const image = call.text('fromImage');
  if (image === undefined) throw invalidArgument('invalid reference format');
  await progressLines(call, (progress) =>
    call.backend.images.pull(withTag(image, call.text('tag')), {
      platform: call.text('platform'),
      auth: authOf(call.request.headers['x-registry-auth']),
      signal: call.signal,
      progress,
    }),
  );
}

export async function push(call: Call): Promise<void> {
  await progressLines(call, (progress) =>
    call.backend.images.push(call.param('name'), {
      tag: call.text('tag'),
      platform: platformOf(call),
      auth: authOf(call.request.headers['x-registry-auth']),
      signal: call.signal,
      progress,
    }),
  );
}

export async function inspectRemote(call: Call): Promise<void> {
  const auth = authOf(call.request.headers['x-registry-auth']);
  call.reply(200, await call.backend.images.inspectRemote(call.param('name'), { auth, signal: call.signal }));
}

/** Checks credentials; it is the client that keeps them. */
export async function login(call: Call): Promise<void> {
  call.reply(200, await call.backend.images.login(await call.json<AuthConfig>(), call.signal));
}

/** `fromSrc`: the body is the archive. Docker answers with one line that tells the id. */
async function importArchive(call: Call, source: string): Promise<void> {
  if (source !== '-')
    throw notImplemented('importing from a URL is not supported: send the archive (docker import FILE)');
  const id = await call.backend.images.import({
    source,
    repo: call.text('repo'),
    tag: call.text('tag'),
    changes: call.query.getAll('changes'),
    message: call.text('message'),
    platform: call.text('platform'),
    body: call.request,
    signal: call.signal,
  });
  call.response.writeHead(200, { 'Content-Type': 'application/json' });
  call.response.end(`${JSON.stringify({ status: id })}\r\n`);
}

export async function search(call: Call): Promise<void> {
  const term = call.text('term');
  if (term === undefined) throw invalidArgument("bad parameter: 'term' cannot be empty");
  const options = { limit: call.integer('limit') || undefined, filters: call.filters(), signal: call.signal };
  call.reply(200, await call.backend.images.search(term, options));
}

export async function commit(call: Call): Promise<void> {
  const hasBody = call.request.headers['content-type'] !== undefined;
  const id = await call.backend.containers.commit(call.text('container') ?? '', {
    repo: call.text('repo'),
    tag: call.text('tag'),
    author: call.text('author'),
    comment: call.text('comment'),
    changes: call.query.getAll('changes'),
    config: hasBody ? await call.json<ContainerConfigBody>() : {},
  });
  call.reply(201, { Id: id });
}

/** One image of the path, or those of the query. */
export async function save(call: Call): Promise<void> {
  const { response, params, signal } = call;
  const names = params.name === undefined ? call.query.getAll('names') : [params.name];
  await call.backend.images.save(names, {
    platform: platformOf(call),
    signal,
    open: () => response.writeHead(200, { 'Content-Type': 'application/x-tar' }),
  });
}

/** Docker answers 200 whatever comes: an error is a line. */
export async function load(call: Call): Promise<void> {
  call.response.writeHead(200, { 'Content-Type': 'application/json' });
  await progressLines(call, (progress) =>
    call.backend.images.load({
      quiet: call.flag('quiet'),
      platform: platformOf(call),
      body: call.request,
      signal: call.signal,
      progress,
    }),
  );
}

export async function history(call: Call): Promise<void> {
  call.reply(200, await call.backend.images.history(call.param('name')));
}

export async function prune(call: Call): Promise<void> {
  call.reply(200, await call.backend.images.prune(call.filters()));
}

/** Since 1.46 `platform` is JSON, an OCI platform. */
function platformOf(call: Call): string | undefined {
  const text = call.text('platform');
  if (text === undefined || !text.startsWith('{')) return text;
  let value: { os?: string; architecture?: string; variant?: string };
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw invalidArgument(`failed to parse platform: ${messageOf(error)}`, { cause: error });
  }
  return [value.os, value.architecture, value.variant].filter(Boolean).join('/');
}

function withTag(image: string, tag: string | undefined): string {
  if (tag === undefined) return image;
  return tag.includes(':') ? `${image}@${tag}` : `${image}:${tag}`;
}

/** `X-Registry-Auth`: base64url of JSON. A header that is not is treated as absent, as Docker does. */
function authOf(header: string | string[] | undefined): AuthConfig | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as AuthConfig) : undefined;
  } catch {
    return undefined;
  }
}
