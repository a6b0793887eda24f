// Unpacks one layer blob into a new directory and proves, while the bytes pass, that they are the layer that the image
// names. Runs in the daemon's unpack worker (or the thread that calls it), in the daemon's user and mount namespaces, as
// uid 0 there. OCI image-spec config.md#layer-diffid.

import { createHash } from 'node:crypto';
import { closeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { errnoOf, invalidArgument, messageOf, PunnetError } from '../base/errors.ts';
import { fchmod, openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../native/constants.ts';
import { decompressed } from './decompress.ts';
import { LayerWriter, type Written } from './layer-writer.ts';
import { TarReader } from './tar/reader.ts';

export interface UnpackJob {
  /** the blob */
  path: string;
  /** a directory that does not exist; holds `fs`, the layer, afterwards, and `trash` */
  into: string;
  diffID: Digest;
}

export interface UnpackWatch {
  /** Asked between chunks; true ends the job with an AbortError. */
  aborted(): boolean;
  /** bytes of the blob that were read so far */
  progress(bytes: number): void;
}

/**
 * Unpacks `path` into `into`/fs. Nothing of it may be used unless this returns.
 * @throws invalidArgument when the blob is no layer, is hostile, or is not `diffID`: the caller removes `into`.
 */
export async function unpack(job: UnpackJob, watch: UnpackWatch): Promise<Written> {
  try {
    mkdirSync(job.into, { mode: 0o700 });
    mkdirSync(join(job.into, 'trash'), { mode: 0o700 });
    mkdirSync(join(job.into, 'fs'));
    return await write(job, watch);
  } catch (error) {
    throw named(job, error);
  }
}

async function write(job: UnpackJob, watch: UnpackWatch): Promise<Written> {
  const hash = createHash('sha256');
  const root = openDirectory(join(job.into, 'fs'));
  const bin = openDirectory(join(job.into, 'trash'));
  let writer: LayerWriter | undefined;
  try {
    fchmod(root, 0o755);
    writer = new LayerWriter(root, bin);
    const reader = new TarReader(writer);
    for await (const chunk of decompressed(job.path, (bytes) => watch.progress(bytes))) {
      if (watch.aborted()) throw new DOMException('unpacking was cancelled', 'AbortError');
      hash.update(chunk);
      reader.write(chunk);
    }
    reader.end();
    writer.finish();
  } finally {
    writer?.close();
    closeSync(root);
    closeSync(bin);
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== job.diffID) throw invalidArgument(`diffID is ${found}, expected ${job.diffID}`);
  return writer.written;
}

function openDirectory(path: string): number {
  return openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
}

/** Names the layer in whatever goes wrong with it. */
function named({ diffID, path }: UnpackJob, error: unknown): Error {
  if (error instanceof DOMException) return error;
  const text = `unpack layer ${diffID.slice(0, 19)}: ${messageOf(error)}`;
  if (error instanceof PunnetError) return new PunnetError(error.kind, text, { cause: error, fix: error.fix });
  if (errnoOf(error) === 'ENOSPC') {
    return new PunnetError('unavailable', text, { cause: error, fix: 'punnet rmi images that are not needed' });
  }
  if (errnoOf(error) === 'ENOENT') return new PunnetError('notFound', `${text} (blob ${path})`, { cause: error });
  return new PunnetError('internal', text, { cause: error });
}
