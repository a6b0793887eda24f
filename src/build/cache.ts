// The build cache: what each step made, by the content that it was made of. A file per step, build/cache/<hex of key>.json,
// written in one step after its layer is there, so that a crash loses work but never lies. Says why a step misses.
// Runs in the daemon.

import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../base/atomic-file.ts';
import { digestOf, hexOf, isDigest, type Digest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import type { LayerBlob } from './host.ts';

/** What a step depends on, by name: `instruction`, `argument VERSION`, `files`, `mount /x`. */
export type Ingredients = Record<string, string>;

export interface CacheRecord {
  key: Digest;
  /** key of the step before, or the id of the base image */
  parent: Digest;
  ingredients: Ingredients;
  /** the step made no layer: null */
  layer: LayerBlob | null;
  /** RFC 3339; the image's history has it */
  created: string;
  /** the digest of each file that it used, to explain a miss */
  files?: Record<string, Digest>;
}

export interface StepInputs {
  parent: Digest;
  ingredients: Ingredients;
  files?: Record<string, Digest>;
}

export function keyOf({ parent, ingredients }: StepInputs): Digest {
  return digestOf(JSON.stringify([parent, Object.entries(ingredients).sort(([a], [b]) => (a < b ? -1 : 1))]));
}

/** More than this and a record names no files. */
const MOST_FILES = 20_000;

export class BuildCache {
  readonly #directory: string;
  readonly #records = new Map<Digest, CacheRecord>();
  /** files that could not be read: their steps run again */
  readonly problems: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(directory)) this.#load(file);
  }

  get(key: Digest): CacheRecord | undefined {
    return this.#records.get(key);
  }

  list(): { record: CacheRecord; used: number }[] {
    return [...this.#records.values()].map((record) => ({ record, used: this.#used(record.key) }));
  }

  put(inputs: StepInputs, made: { layer: LayerBlob | undefined; created: string }): CacheRecord {
    const { parent, ingredients, files } = inputs;
    const key = keyOf(inputs);
    const named = files && Object.keys(files).length <= MOST_FILES ? { files } : {};
    const record: CacheRecord = {
      key,
      parent,
      ingredients,
      layer: made.layer ?? null,
      created: made.created,
      ...named,
    };
    writeJsonAtomic(this.#path(key), record);
    this.#records.set(key, record);
    return record;
  }

  /** Notes that a record was of use. */
  touch(key: Digest): void {
    const now = new Date();
    utimesSync(this.#path(key), now, now);
  }

  remove(key: Digest): void {
    rmSync(this.#path(key), { force: true });
    this.#records.delete(key);
  }

  /** Why there is no record of these inputs: what is different from the one that comes closest. */
  whyMissing({ parent, ingredients, files }: StepInputs): string {
    const siblings = [...this.#records.values()].filter((record) => record.parent === parent);
    if (siblings.length === 0) return 'nothing was built on this before';
    const same = siblings.filter(({ ingredients: other }) => other.instruction === ingredients.instruction);
    if (same.length === 0) {
      const keyword = (text = '') => text.split(' ', 1)[0];
      const close = siblings.findLast(
        ({ ingredients: other }) => keyword(other.instruction) === keyword(ingredients.instruction),
      );
      return close ? `the instruction was: ${close.ingredients.instruction}` : 'this instruction is new here';
    }
    const closest = same
      .map((record) => ({ record, names: differing(record.ingredients, ingredients) }))
      .sort((a, b) => a.names.length - b.names.length || this.#used(b.record.key) - this.#used(a.record.key))[0]!;
    return closest.names.map((name) => this.#difference(name, closest.record, { ingredients, files })).join('; ');
  }

  #difference(
    name: string,
    old: CacheRecord,
    now: { ingredients: Ingredients; files?: Record<string, Digest> },
  ): string {
    if (name === 'files' && old.files && now.files) return differentFiles(old.files, now.files);
    const [before, after] = [old.ingredients[name], now.ingredients[name]];
    if (before === undefined) return `${name} is new`;
    if (after === undefined) return `${name} is gone`;
    return /\s|^sha256:/.test(after) ? `${name} changed` : `${name} changed from ${before} to ${after}`;
  }

  #used(key: Digest): number {
    return statSync(this.#path(key), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  #path(key: Digest): string {
    return join(this.#directory, `${hexOf(key)}.json`);
  }

  #load(file: string): void {
    const path = join(this.#directory, file);
    if (!file.endsWith('.json')) return rmSync(path, { force: true });
    try {
      const record = readJson<CacheRecord>(path);
      if (!record || !isDigest(record.key) || !isDigest(record.parent)) throw new Error('is not a record');
      this.#records.set(record.key, record);
    } catch (error) {
      this.problems.push(`build cache ${file}: ${messageOf(error)}; dropped`);
      rmSync(path, { force: true });
    }
  }
}

function differing(a: Ingredients, b: Ingredients): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
}

/** `src/main.js changed, a.txt is new, and 3 more` */
function differentFiles(before: Record<string, Digest>, after: Record<string, Digest>): string {
  const told: string[] = [];
  for (const path of Object.keys({ ...before, ...after }).sort()) {
    if (before[path] === after[path]) continue;
    told.push(`${path} ${before[path] === undefined ? 'is new' : after[path] === undefined ? 'is gone' : 'changed'}`);
  }
  const shown = told.slice(0, 3).join(', ');
  return told.length > 3 ? `${shown}, and ${told.length - 3} more` : shown;
}
