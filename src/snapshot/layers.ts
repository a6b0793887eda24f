// The committed layers of a data directory: `layer/<name>/{fs/, layer.json}`, one per diffID however many images have it.
// Names are the first digits of the diffID, short, so that 127 of them fit the one page that mount(2) takes.
// Runs in the daemon, in its user and mount namespaces, as uid 0 there.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../base/atomic-file.ts';
import { hexOf, isDigest, type Digest } from '../base/digest.ts';
import { internal, messageOf, notFound } from '../base/errors.ts';

/** layer.json: written before the layer gets its name, never changed. */
export interface LayerRecord {
  diffID: Digest;
  /** bytes of files, hard links counted once */
  size: number;
  entries: number;
  /** The archive says mode and owner of the layer's root. */
  rootSet: boolean;
  /** Layers below do not show at all. */
  rootOpaque: boolean;
}

export interface Layer extends LayerRecord {
  /** directory below `layer/` */
  name: string;
}

/** Two diffIDs that begin alike (a collision that someone made) get longer names. */
const NAME_LENGTHS = [16, 24, 40, 64];

export class Layers {
  readonly #dir: string;
  readonly #known = new Map<Digest, Layer>();

  /** `dir`: the directory of the layers, which exists. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The layer, or undefined when it was never committed. @throws internal when its record is corrupt */
  find(diffID: Digest): Layer | undefined {
    const known = this.#known.get(diffID);
    if (known) return known;
    for (const name of namesOf(diffID)) {
      const record = this.#record(name);
      if (record?.diffID !== diffID) continue;
      const layer = { ...record, name };
      this.#known.set(diffID, layer);
      return layer;
    }
    return undefined;
  }

  /** @throws notFound naming the layer */
  get(diffID: Digest): Layer {
    const layer = this.find(diffID);
    if (!layer) throw notFound(`layer ${diffID} is not unpacked`, { fix: 'punnet pull the image again' });
    return layer;
  }

  /** The shortest name that no other layer has. */
  nameFor(diffID: Digest): string {
    return namesOf(diffID).find((name) => !existsSync(join(this.#dir, name)))!;
  }

  forget(diffID: Digest): void {
    this.#known.delete(diffID);
  }

  /** Every committed layer; what is wrong with a directory is told to `onProblem` with its name. */
  list(onProblem: (name: string, problem: string) => void = () => {}): Layer[] {
    const layers: Layer[] = [];
    for (const name of readdirSync(this.#dir).sort()) {
      try {
        const record = this.#record(name);
        if (!record) onProblem(name, 'has no layer.json');
        else if (!isDigest(record.diffID) || !hexOf(record.diffID).startsWith(name))
          onProblem(name, 'is another layer');
        else if (!existsSync(join(this.#dir, name, 'fs'))) onProblem(name, 'has no directory fs');
        else layers.push({ ...record, name });
      } catch (error) {
        onProblem(name, messageOf(error));
      }
    }
    return layers;
  }

  #record(name: string): LayerRecord | undefined {
    const record = readJson<LayerRecord>(join(this.#dir, name, 'layer.json'));
    if (record === undefined) return undefined;
    if (typeof record !== 'object' || record === null || typeof record.diffID !== 'string') {
      throw internal(`state file ${join(this.#dir, name, 'layer.json')} is not a layer record`, {
        fix: 'punnet system check',
      });
    }
    return record;
  }
}

function namesOf(diffID: Digest): string[] {
  return NAME_LENGTHS.map((length) => hexOf(diffID).slice(0, length));
}
