// A bundle's config.json: read, and what every container needs of it checked before anything is made. runtime-spec bundle.md

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, invalidArgument, messageOf } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import { checkSpec, type Checked } from '../validate.ts';

export interface Bundle {
  /** absolute */
  directory: string;
  /** of the root file system, absolute */
  rootfs: string;
  spec: Spec;
  /** config.json as it was checked */
  text: string;
  /** what it asks for in vain */
  warnings: readonly string[];
}

/** Reads a bundle, and makes it the working directory, which hooks and relative paths start from. @throws invalidArgument */
export function openBundle(path = '.'): Bundle {
  const directory = resolve(path);
  let text: string;
  try {
    process.chdir(directory);
    text = readFileSync('config.json', 'utf8');
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw invalidArgument(`JSON specification file ${directory}/config.json not found`, {
      fix: `punnet-runc spec --bundle ${directory}`,
    });
  }
  const { spec, warnings } = parse(text);
  const rootfs = resolve(spec.root!.path);
  if (!statSync(rootfs, { throwIfNoEntry: false })?.isDirectory()) {
    throw invalidArgument(`root file system ${rootfs} is not a directory`);
  }
  return { directory, rootfs: realpathSync(rootfs), spec, text: JSON.stringify(spec), warnings };
}

function parse(text: string): Checked {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`config.json is not JSON: ${messageOf(error)}`);
  }
  return checkSpec(value);
}
