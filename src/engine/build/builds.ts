// The build half of what the API calls: from a client's request to the builder's. Runs in the daemon.
// moby: daemon/builder/remotecontext (Detect), daemon/server/router/build

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildBackend, BuildOptions, BuildStream } from '../../api/backend.ts';
import type { BuildEvent } from '../../base/build-event.ts';
import type { Digest } from '../../base/digest.ts';
import { invalidArgument, notFound } from '../../base/errors.ts';
import type { Builder } from '../../build/builder.ts';
import { hideFile, type BuildContext } from '../../build/context.ts';
import { readRemote } from '../../build/files/remote.ts';
import { IgnoreRules, readIgnoreFile } from '../../build/ignore.ts';
import { parsePlatform } from '../../registry/platform.ts';
import { familiar, parseReference, withDefaultTag } from '../../registry/reference.ts';
import { readInStack } from '../../snapshot/read-in-stack.ts';

const MAX_DOCKERFILE = 4 << 20;
/** Secrets that no build has asked for are forgotten after this time (milliseconds). */
const SECRET_LIFETIME = 60_000;

export class Builds implements BuildBackend {
  readonly #builder: Builder;
  readonly #scratch: string;
  readonly #secrets = new Map<string, ReadonlyMap<string, Uint8Array>>();

  /** `scratch`: a directory for repositories that are fetched, swept at start. */
  constructor(builder: Builder, scratch: string) {
    this.#builder = builder;
    this.#scratch = scratch;
  }

  async build(options: BuildOptions, { body, signal, emit }: BuildStream): Promise<{ Id: string }> {
    const names = options.names.map(checkedName);
    const secrets = this.#takeSecrets(options.secrets);
    const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
    const { dockerfile, context } = await this.#context(options, { body, signal });
    try {
      const { args, target, labels, noCache, pull, network, limits, ssh, credentials } = options;
      const request = { args, target, labels, noCache, pull, network, limits, credentials };
      const id = await this.#builder.build({
        ...request,
        dockerfile,
        context,
        platform,
        names,
        secrets,
        ssh: new Map(Object.entries(ssh)),
        signal,
        emit,
      });
      emit({ type: 'built', image: id, names } satisfies BuildEvent);
      return { Id: id };
    } finally {
      await context?.remove();
    }
  }

  /** Keeps secrets in memory until the build that names them. */
  keepSecrets(secrets: Record<string, string>): { Id: string } {
    const id = randomBytes(16).toString('hex');
    const decoded = Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
    this.#secrets.set(id, new Map(decoded));
    setTimeout(() => this.#secrets.delete(id), SECRET_LIFETIME).unref();
    return { Id: id };
  }

  async prune(options: {
    all: boolean;
    unusedFor: number;
    keepStorage: number | undefined;
  }): Promise<{ CachesDeleted: Digest[]; SpaceReclaimed: number }> {
    const { removed, bytes } = await this.#builder.prune(options);
    return { CachesDeleted: removed, SpaceReclaimed: bytes };
  }

  #takeSecrets(id: string | undefined): ReadonlyMap<string, Uint8Array> {
    if (id === undefined) return new Map();
    const secrets = this.#secrets.get(id);
    this.#secrets.delete(id);
    if (!secrets) throw notFound('the secrets of this build are gone: they are kept for a minute');
    return secrets;
  }

  async #context(
    { remote, dockerfile }: BuildOptions,
    { body, signal }: Pick<BuildStream, 'body' | 'signal'>,
  ): Promise<{ dockerfile: string; context: BuildContext | undefined }> {
    if (remote === undefined) return readContext(await this.#builder.receive(body), dockerfile);
    const directory = join(this.#scratch, randomBytes(8).toString('hex'));
    mkdirSync(directory, { mode: 0o700 });
    const found = await readRemote(remote, { directory, signal });
    if ('dockerfile' in found) {
      await rm(directory, { recursive: true, force: true });
      return { dockerfile: found.dockerfile, context: undefined };
    }
    if ('archive' in found) {
      try {
        return await readContext(await this.#builder.receive(found.archive), dockerfile);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    }
    const remove = () => rm(directory, { recursive: true, force: true });
    return readContext({ directory: found.directory, digests: new Map(), remove }, dockerfile);
  }
}

/** Takes the Dockerfile out of a context; what .dockerignore says of the two files themselves is done here. */
async function readContext(
  context: BuildContext,
  name: string,
): Promise<{ dockerfile: string; context: BuildContext }> {
  try {
    const read = (path: string) => readInStack([context.directory], path, MAX_DOCKERFILE)?.toString('utf8');
    const dockerfile = read(name) ?? (name === 'Dockerfile' ? read('dockerfile') : undefined);
    if (dockerfile === undefined) throw invalidArgument(`Cannot locate specified Dockerfile: ${name}`);
    if (dockerfile.trim() === '') throw invalidArgument(`the Dockerfile (${name}) cannot be empty`);
    const ignore = read('.dockerignore');
    if (ignore !== undefined) {
      const rules = new IgnoreRules(readIgnoreFile(ignore));
      // They had to be sent so that they could be read.
      for (const file of [name, '.dockerignore']) if (rules.excludes(file)) await hideFile(context, file);
    }
    return { dockerfile, context };
  } catch (error) {
    await context.remove();
    throw error;
  }
}

/** @throws invalidArgument with Docker's text */
function checkedName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw invalidArgument('build tag cannot contain a digest');
  return familiar(withDefaultTag(reference));
}
