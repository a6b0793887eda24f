// punnet diff: what a container changed. docker/cli: cli/command/container/diff.go.

import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet diff web'];

const LETTERS = ['C', 'A', 'D'];

export const run: Run = async (context, { positional: [name = ''] }) => {
  if (name === '') throw new Error('container name cannot be empty');
  const changes = await context.client.call<{ Path: string; Kind: number }[] | null>(
    'GET',
    `/containers/${name}/changes`,
  );
  context.out.write((changes ?? []).map(({ Path, Kind }) => `${LETTERS[Kind]} ${Path}\n`).join(''));
};
