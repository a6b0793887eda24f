// Creates a container, pulling its image where it is missing: what `run` and `create` share. Runs in the CLI, as the user.
// docker/cli: cli/command/container/create.go.

import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { ApiError } from '../api/client.ts';
import type { CreateBody } from '../api/types.ts';
import { errnoOf } from '../base/errors.ts';
import { familiar, parseReference, withDefaultTag, type Reference } from '../registry/reference.ts';
import type { Context } from './context.ts';
import { pullImage } from './pull-image.ts';

export interface CreateOptions {
  name: string;
  platform: string;
  pull: string;
  quiet: boolean;
}

const HEX_ID = /^[a-f0-9]{64}$/;

/** @returns the container's id @throws Error or ApiError with Docker's texts */
export async function createContainer(context: Context, body: CreateBody, options: CreateOptions): Promise<string> {
  const cidFile = openCidFile(body.HostConfig?.ContainerIDFile ?? '');
  let id: string | undefined;
  try {
    const reference = HEX_ID.test(body.Image ?? '') ? undefined : withDefaultTag(parseReference(body.Image ?? ''));
    id = await createOrPull(context, body, { ...options, reference });
    cidFile?.write(id);
    return id;
  } finally {
    cidFile?.close(id !== undefined);
  }
}

type WithReference = CreateOptions & { reference: Reference | undefined };

async function createOrPull(context: Context, body: CreateBody, options: WithReference): Promise<string> {
  const { reference } = options;
  const pull = async () => {
    if (!reference) return;
    await pullImage(context, reference, {
      platform: options.platform,
      progress: options.quiet ? undefined : context.err,
    });
  };
  if (options.pull === 'always') await pull();
  const { rows, columns } = context.out.size();
  const full: CreateBody = { ...body, HostConfig: { ...body.HostConfig, ConsoleSize: [rows, columns] } };
  try {
    return await create(context, full, options);
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404 && options.pull === 'missing';
    // Only a missing image is mended by a pull; a missing network is not.
    if (!missing || !reference || !/no such image/i.test(error.reason)) throw error;
    if (!options.quiet) context.err.line(`Unable to find image '${familiar(reference)}' locally`);
    await pull();
    return await create(context, full, options);
  }
}

async function create(context: Context, body: CreateBody, { name, platform }: CreateOptions): Promise<string> {
  const answer = await context.client.call<{ Id: string; Warnings?: string[] | null }>('POST', '/containers/create', {
    query: { name, platform },
    body,
  });
  const local = (body.HostConfig?.Dns ?? []).filter((address) => /^127\.|^::1$/.test(address));
  const warnings = [...(answer.Warnings ?? []), ...local.map((a) => `Localhost DNS (${a}) may fail in containers.`)];
  for (const warning of warnings) context.err.line(`WARNING: ${warning}`);
  return answer.Id;
}

interface CidFile {
  write(id: string): void;
  close(keep: boolean): void;
}

function openCidFile(path: string): CidFile | undefined {
  if (path === '') return undefined;
  if (existsSync(path)) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch (error) {
    const reason = errnoOf(error) === 'ENOENT' ? 'no such file or directory' : (error as Error).message;
    throw new Error(`failed to create the container ID file: open ${path}: ${reason}`, { cause: error });
  }
  return {
    write: (id) => void writeSync(fd, id),
    close: (keep) => {
      closeSync(fd);
      if (!keep) rmSync(path, { force: true });
    },
  };
}
