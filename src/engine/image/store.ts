// The images that are here, and their names: image/<hex of id>.json, one file per image, written in one step. A corrupt file
// costs one image, not the daemon's start. An image's id is its config's digest, as in Docker. Runs in the daemon.

import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../../base/atomic-file.ts';
import { hexOf, isDigest, type Digest } from '../../base/digest.ts';
import { internal, messageOf } from '../../base/errors.ts';

export interface ImageRecord {
  /** digest of the config */
  id: Digest;
  /** canonical reference (`docker.io/library/busybox:latest`, `…@sha256:…`) → when it was given (RFC 3339) */
  names: Record<string, string>;
  /** indexes and manifests through which it came */
  manifests: Digest[];
  /** blobs of its layers, lowest first */
  layers: Digest[];
  /** lowest first */
  diffIDs: Digest[];
  /** last `tag`, RFC 3339; absent when it was only pulled */
  tagged?: string;
}

export class ImageStore {
  readonly directory: string;
  readonly #images = new Map<Digest, ImageRecord>();
  readonly #names = new Map<string, Digest>();
  /** one line per file that could not be read */
  readonly problems: string[] = [];

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(directory)) this.#load(file);
    for (const record of this.#images.values()) for (const name of Object.keys(record.names)) this.#adopt(name, record);
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** All images, in no order. */
  list(): ImageRecord[] {
    return [...this.#images.values()];
  }

  /** The image of a canonical reference. */
  named(name: string): ImageRecord | undefined {
    const id = this.#names.get(name);
    return id && this.#images.get(id);
  }

  /** Every name of an image, in order of the alphabet. */
  namesOf(id: Digest): string[] {
    return Object.keys(this.#images.get(id)?.names ?? {}).sort();
  }

  /** The image whose id begins with this (12 digits, or `sha256:` and digits); undefined when none or several do. */
  byPrefix(prefix: string): ImageRecord | undefined {
    const digits = prefix.replace(/^sha256:/, '');
    if (!/^[0-9a-f]+$/.test(digits)) return undefined;
    const found = this.list().filter(({ id }) => hexOf(id).startsWith(digits));
    return found.length === 1 ? found[0] : undefined;
  }

  /** Adds an image, or what is new about it. */
  add(record: Omit<ImageRecord, 'names'>): void {
    const known = this.#images.get(record.id);
    const manifests = [...new Set([...(known?.manifests ?? []), ...record.manifests])];
    const layers = [...new Set([...(known?.layers ?? []), ...record.layers])];
    this.#write({
      ...record,
      manifests,
      layers,
      names: known?.names ?? {},
      ...(known?.tagged && { tagged: known.tagged }),
    });
  }

  /** Gives a name to an image, and takes it from whichever image has it. `tagged`: by a user's `tag`. */
  name(name: string, id: Digest, options: { tagged: boolean } = { tagged: false }): void {
    const record = this.#images.get(id);
    if (!record) throw internal(`name ${name}: image ${id} is not here`);
    const previous = this.named(name);
    const now = new Date().toISOString();
    // The new holder first: killed in between, both have the name, and the later one keeps it.
    this.#write({ ...record, names: { ...record.names, [name]: now }, ...(options.tagged && { tagged: now }) });
    this.#names.set(name, id);
    if (previous && previous.id !== id) this.#drop(name, previous);
  }

  /** Takes a name away. */
  unname(name: string): void {
    const record = this.named(name);
    if (!record) return;
    this.#drop(name, record);
    this.#names.delete(name);
  }

  /** Forgets an image and its names. Its blobs and layers are the collector's matter. */
  remove(id: Digest): void {
    for (const name of this.namesOf(id)) this.#names.delete(name);
    rmSync(this.#path(id), { force: true });
    this.#images.delete(id);
  }

  #drop(name: string, record: ImageRecord): void {
    const names = Object.fromEntries(Object.entries(record.names).filter(([other]) => other !== name));
    this.#write({ ...record, names });
  }

  #adopt(name: string, record: ImageRecord): void {
    const other = this.named(name);
    if (!other || other === record) {
      this.#names.set(name, record.id);
      return;
    }
    const later = (record.names[name] ?? '') > (other.names[name] ?? '') ? record : other;
    this.#names.set(name, later.id);
    this.#drop(name, later === record ? other : record);
  }

  #write(record: ImageRecord): void {
    writeJsonAtomic(this.#path(record.id), record);
    this.#images.set(record.id, record);
  }

  #path(id: Digest): string {
    return join(this.directory, `${hexOf(id)}.json`);
  }

  #load(file: string): void {
    const path = join(this.directory, file);
    const id = `sha256:${file.replace(/\.json$/, '')}`;
    if (!file.endsWith('.json') || !isDigest(id)) {
      // What a killed write left.
      if (file.endsWith('.tmp')) rmSync(path, { force: true });
      return;
    }
    try {
      const record = readJson<ImageRecord>(path);
      if (!isRecord(record, id)) throw internal(`state file ${path} is corrupt: not an image record`);
      this.#images.set(id, record);
    } catch (error) {
      this.problems.push(`${messageOf(error)} (rm ${path}, then pull the image again)`);
    }
  }
}

function isRecord(record: ImageRecord | undefined, id: Digest): record is ImageRecord {
  const digests = (list: unknown) =>
    Array.isArray(list) && list.every((one) => typeof one === 'string' && isDigest(one));
  return (
    record?.id === id &&
    typeof record.names === 'object' &&
    record.names !== null &&
    digests(record.manifests) &&
    digests(record.layers) &&
    digests(record.diffIDs)
  );
}
