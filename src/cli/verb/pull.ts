// punnet pull: brings an image from its registry. docker/cli: cli/command/image/pull.go.

import { canonical, parseReference, withDefaultTag } from '../../registry/reference.ts';
import type { Flag } from '../flag.ts';
import { pullImage } from '../pull-image.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all-tags', short: 'a', type: 'bool', help: 'Download all tagged images in the repository' },
  { name: 'disable-content-trust', type: 'bool', help: 'Skip image verification', initial: 'true' },
  {
    name: 'platform',
    type: 'string',
    help: 'Set platform if server is multi-platform capable',
    choices: ['linux/amd64', 'linux/arm64'],
  },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Suppress verbose output' },
];

export const examples = ['punnet pull alpine', 'punnet pull --platform linux/arm64 ghcr.io/owner/name:1.2'];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const reference = parseReference(name);
  const nameOnly = reference.tag === undefined && reference.digest === undefined;
  const quiet = flags.on('quiet');
  if (flags.on('all-tags')) {
    if (!nameOnly) throw new Error("tag can't be used with --all-tags/-a");
    throw new Error('--all-tags is not supported yet');
  }
  if (nameOnly && !quiet) context.out.line('Using default tag: latest');
  await pullImage(context, reference, {
    platform: flags.text('platform', context.env.DOCKER_DEFAULT_PLATFORM ?? ''),
    progress: quiet ? undefined : context.out,
  });
  context.out.line(canonical(withDefaultTag(reference)));
};
