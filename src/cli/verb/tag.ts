// punnet tag: a second name for an image. docker/cli: cli/command/image/tag.go.

import { canonicalName, familiarName, parseReference } from '../../registry/reference.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet tag busybox 127.0.0.1:5000/tools/busybox:1'];

export const run: Run = async (context, { positional: [source = '', target = ''] }) => {
  if (!/^[a-f0-9]{64}$/.test(source)) framed(source);
  const reference = framed(target);
  if (reference.digest !== undefined) throw new Error('refusing to create a tag with a digest reference');
  const repo = reference.domain === 'docker.io' ? familiarName(reference) : canonicalName(reference);
  await context.client.call('POST', `/images/${source}/tag`, { query: { repo, tag: reference.tag ?? 'latest' } });
};

function framed(name: string) {
  try {
    return parseReference(name);
  } catch (error) {
    throw new Error(
      `Error parsing reference: ${JSON.stringify(name)} is not a valid repository/tag: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
