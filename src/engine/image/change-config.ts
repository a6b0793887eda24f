// `--change` of commit and import: Dockerfile instructions that change an image's configuration. Pure.
// moby: builder/dockerfile/builder.go (BuildFromConfig)

import { invalidArgument } from '../../base/errors.ts';
import type { ImageProcessConfig } from '../../base/oci-image.ts';
import { parseDockerfile } from '../../build/dockerfile/parse.ts';
import { expandInstruction } from '../../build/expand-instruction.ts';
import { apply, type ImageState, type Setting } from '../../build/image-state.ts';

const ALLOWED = [
  'CMD',
  'ENTRYPOINT',
  'HEALTHCHECK',
  'ENV',
  'EXPOSE',
  'LABEL',
  'ONBUILD',
  'USER',
  'VOLUME',
  'WORKDIR',
  'STOPSIGNAL',
];

/** @throws invalidArgument with Docker's texts for what is no instruction, or none that is allowed here */
export function changeConfig(config: ImageProcessConfig, changes: readonly string[]): ImageProcessConfig {
  const platform = { os: 'linux', architecture: '' };
  let state: ImageState = { platform, config, author: '', commandSet: false, layers: [], history: [] };
  for (const text of changes) {
    if (text.trim() === '') continue;
    const word = text.trim().split(/\s/)[0]!;
    if (!ALLOWED.includes(word.toUpperCase()))
      throw invalidArgument(`${word.toLowerCase()} is not a valid change command`);
    for (const parsed of parseDockerfile(`FROM scratch\n${text}\n`).stages[0]!.instructions) {
      if (parsed.name === 'RUN' || parsed.name === 'COPY' || parsed.name === 'ADD') continue;
      const env = new Map((state.config.Env ?? []).map((entry) => splitOnce(entry)));
      const instruction = expandInstruction(parsed, { escape: '\\', value: (name) => env.get(name) });
      state = apply(state, instruction as Setting).state;
    }
  }
  return state.config;
}

function splitOnce(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
