// punnet export: a container's root as a tar archive. docker/cli: cli/command/container/export.go.

import type { Flag } from '../flag.ts';
import { writeOutput } from '../output-file.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'output', short: 'o', type: 'string', help: 'Write to a file, instead of STDOUT' },
];

export const examples = ['punnet export web | tar t', 'punnet export -o web.tar web'];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  await writeOutput(context, { file: flags.text('output'), what: 'export' }, async () => {
    const { body } = await context.client.stream('GET', `/containers/${name}/export`);
    return body;
  });
};
