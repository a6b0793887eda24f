// A bundle's config.json: read, and what every container needs of it checked before anything is made. runtime-spec bundle.md

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, invalidArgument, messageOf } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';

export interface Bundle {
  /** absolute */
  directory: string;
  /** of the root file system, absolute */
  rootfs: string;
  spec: Spec;
  /** config.json as it was read */
  text: string;
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
  const spec = parse(text);
  const rootfs = resolve(spec.root!.path);
  if (!statSync(rootfs, { throwIfNoEntry: false })?.isDirectory()) {
    throw invalidArgument(`root file system ${rootfs} is not a directory`);
  }
  return { directory, rootfs: realpathSync(rootfs), spec, text };
}

function parse(text: string): Spec {
  let spec: Spec;
  try {
    spec = JSON.parse(text) as Spec;
  } catch (error) {
    throw invalidArgument(`config.json is not JSON: ${messageOf(error)}`);
  }
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw invalidArgument('config.json is no object');
  if (!/^1\.\d+\.\d+/.test(String(spec.ociVersion))) {
    throw invalidArgument(
      `config.json: unsupported ociVersion ${JSON.stringify(spec.ociVersion)}: this is a runtime of 1.2`,
    );
  }
  if (!spec.root?.path) throw invalidArgument('config.json: root.path must be given');
  if (!spec.linux) throw invalidArgument('config.json: linux must be given');
  if (!spec.process) throw invalidArgument('config.json: process must be given');
  if (!spec.process.cwd) throw invalidArgument('Cwd property must not be empty');
  if (!spec.process.cwd.startsWith('/')) throw invalidArgument('Cwd must be an absolute path');
  if (!spec.process.args?.length) throw invalidArgument('process args must not be empty');
  spec.process.user ??= { uid: 0, gid: 0 };
  return spec;
}
