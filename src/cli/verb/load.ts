// punnet load: images of a tar archive. docker/cli: cli/command/image/load.go.

import { createReadStream, existsSync } from 'node:fs';
import type { Flag } from '../flag.ts';
import { showProgress } from '../show-progress.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'input', short: 'i', type: 'string', help: 'Read from tar archive file, instead of STDIN' },
  {
    name: 'platform',
    type: 'string',
    help: 'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
  },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Suppress the load output' },
];

export const examples = ['punnet load -i busybox.tar', 'gunzip -c images.tar.gz | punnet load'];

export const run: Run = async (context, { flags }) => {
  const file = flags.text('input');
  if (file === '' && context.inputIsTerminal) throw new Error('requested load from stdin, but stdin is empty');
  if (file !== '' && !existsSync(file)) throw new Error(`open ${file}: no such file or directory`);
  const platform = flags.text('platform');
  const { body } = await context.client.stream('POST', '/images/load', {
    query: { quiet: flags.on('quiet') || !context.out.isTerminal, platform: platform === '' ? undefined : platform },
    headers: { 'Content-Type': 'application/x-tar' },
    upload: (file === '' ? process.stdin : createReadStream(file)) as AsyncIterable<Uint8Array>,
  });
  await showProgress(body, context.out);
};
