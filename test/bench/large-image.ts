// An image of three layers, 79 MB each before compression, of this machine's own programs, libraries and texts: what real
// images hold, so that it compresses and unpacks as they do. Pushed to the bench's registry.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MEDIA } from '../../src/base/oci-image.ts';
import { digestOf } from '../../src/base/digest.ts';
import type { Registry } from '../support/registry.ts';

const LAYER = 79e6;
/** Many small files, some large ones. */
const SOURCES = ['/usr/share', '/usr/lib', '/usr/bin', '/usr/include'];

/** Returns the name to pull. */
export async function pushLargeImage(registry: Registry, scratch: string): Promise<string> {
  const repository = 'bench/large';
  const files = SOURCES.map(filesBelow);
  const blobs = [0, 1, 2].map((index) => layerOf(pick(files), { scratch, index }));
  for (const blob of blobs) await registry.pushBlob(blob, repository);
  const architecture = { x64: 'amd64' }[process.arch as 'x64'] ?? process.arch;
  const diffIDs = blobs.map(({ diffID }) => diffID);
  const config = blobOf(
    MEDIA.ociConfig,
    Buffer.from(
      JSON.stringify({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: diffIDs } }),
    ),
  );
  await registry.pushBlob(config, repository);
  const descriptor = ({ mediaType, digest, bytes }: { mediaType: string; digest: string; bytes: Buffer }) => {
    return { mediaType, digest, size: bytes.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: descriptor(config),
    layers: blobs.map(descriptor),
  };
  await registry.pushManifest(blobOf(MEDIA.ociManifest, Buffer.from(JSON.stringify(manifest))), repository, 'latest');
  return `${registry.host}/${repository}:latest`;
}

function layerOf(names: string[], { scratch, index }: { scratch: string; index: number }) {
  const list = join(scratch, `layer${index}`);
  writeFileSync(list, names.map((name) => name.slice(1)).join('\0'));
  const archive = `${list}.tar`;
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--no-recursion'];
  execFileSync('tar', ['-C', '/', '-cf', archive, ...owner, '--null', '-T', list], { stdio: 'ignore' });
  const diffID = `sha256:${createHash('sha256').update(readFileSync(archive)).digest('hex')}`;
  execFileSync('gzip', ['-6', '-f', archive]);
  return { ...blobOf(MEDIA.ociLayerGzip, readFileSync(`${archive}.gz`)), diffID };
}

function blobOf(mediaType: string, bytes: Buffer) {
  return { mediaType, bytes, size: bytes.length, digest: digestOf(bytes) };
}

/** Takes files from all sources in turn until they fill a layer. */
function pick(sources: Iterator<{ path: string; size: number }>[]): string[] {
  const taken: string[] = [];
  let bytes = 0;
  for (let turn = 0, empty = 0; bytes < LAYER && empty < sources.length; turn++) {
    const next = sources[turn % sources.length]!.next();
    empty = next.done ? empty + 1 : 0;
    if (next.done) continue;
    taken.push(next.value.path);
    bytes += next.value.size;
  }
  return taken;
}

function* filesBelow(directory: string): Generator<{ path: string; size: number }> {
  let entries: string[];
  try {
    entries = readdirSync(directory).sort();
  } catch {
    return;
  }
  for (const name of entries) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) yield* filesBelow(path);
    else if (stat.isFile() && stat.size < 30e6 && (stat.mode & 0o004) !== 0) yield { path, size: stat.size };
  }
}
