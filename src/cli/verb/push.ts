// punnet push: brings an image to its registry. docker/cli: cli/command/image/push.go.

import { canonical, familiarName, parseReference, withDefaultTag } from '../../registry/reference.ts';
import type { Flag } from '../flag.ts';
import { registryAuth } from '../registry-auth.ts';
import { showProgress } from '../show-progress.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all-tags', short: 'a', type: 'bool', help: 'Push all tags of an image to the repository' },
  { name: 'disable-content-trust', type: 'bool', help: 'Skip image signing', initial: 'true' },
  { name: 'platform', type: 'string', help: 'Push a platform-specific manifest as a single-platform image' },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Suppress verbose output' },
];

export const examples = [
  'punnet push registry.example:5000/app:1.2',
  'punnet push --all-tags registry.example:5000/app',
];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const given = parseReference(name);
  if (given.digest !== undefined) throw new Error('cannot push a digest reference');
  const nameOnly = given.tag === undefined;
  const quiet = flags.on('quiet');
  const all = flags.on('all-tags');
  if (all && !nameOnly) throw new Error("tag can't be used with --all-tags/-a");
  if (!all && nameOnly && !quiet) context.out.line('Using default tag: latest');
  const reference = all ? given : withDefaultTag(given);
  const platform = flags.text('platform');
  const response = await context.client.stream('POST', `/images/${familiarName(reference)}/push`, {
    query: { tag: reference.tag, platform: platform === '' ? undefined : platform },
    headers: { 'X-Registry-Auth': await registryAuth(context, reference.domain) },
  });
  await showProgress(response.body, quiet ? undefined : context.out);
  if (quiet) context.out.line(canonical(reference));
};
