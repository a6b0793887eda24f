// punnet import: an image of a root's archive. docker/cli: cli/command/image/import.go.

import { createReadStream, existsSync } from 'node:fs';
import type { ProgressLine } from '../../api/types.ts';
import type { Flag } from '../flag.ts';
import { splitName } from '../image-name.ts';
import { eachJson } from '../stream/each-json.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'change', short: 'c', type: 'list', help: 'Apply Dockerfile instruction to the created image' },
  { name: 'message', short: 'm', type: 'string', help: 'Set commit message for imported image' },
  { name: 'platform', type: 'string', help: 'Set platform if server is multi-platform capable' },
];

export const examples = ['punnet export web | punnet import - web:flat'];

export const run: Run = async (context, { flags, positional: [source = '', name = ''] }) => {
  if (source !== '-' && !existsSync(source)) throw new Error(`open ${source}: no such file or directory`);
  const upload = (source === '-' ? process.stdin : createReadStream(source)) as AsyncIterable<Uint8Array>;
  const { body } = await context.client.stream('POST', '/images/create', {
    query: {
      fromSrc: '-',
      ...splitName(name),
      message: flags.text('message'),
      changes: flags.all('change'),
      platform: flags.text('platform'),
    },
    headers: { 'Content-Type': 'text/plain' },
    upload,
  });
  await eachJson<ProgressLine>(body, (line) => context.out.line(line.status ?? ''));
};
