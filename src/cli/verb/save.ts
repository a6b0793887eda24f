// punnet save: images as a tar archive. docker/cli: cli/command/image/save.go.

import type { Flag } from '../flag.ts';
import { writeOutput } from '../output-file.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'output', short: 'o', type: 'string', help: 'Write to a file, instead of STDOUT' },
  {
    name: 'platform',
    type: 'string',
    help: 'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
  },
];

export const examples = ['punnet save -o busybox.tar busybox:1.36', 'punnet save web:1 db:1 | gzip > images.tar.gz'];

export const run: Run = async (context, { flags, positional }) => {
  const platform = flags.text('platform');
  await writeOutput(context, { file: flags.text('output'), what: 'save' }, async () => {
    const query = { names: positional, platform: platform === '' ? undefined : platform };
    const { body } = await context.client.stream('GET', '/images/get', { query });
    return body;
  });
};
