// punnet history. docker/cli: cli/command/image/history.go, cli/command/formatter (history).

import { listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { formatList } from '../format/list.ts';
import { humanDuration, humanSize } from '../format/size.ts';
import { Struct } from '../format/template.ts';
import { shortId } from '../format/text.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  listFormat,
  { name: 'human', short: 'H', type: 'bool', help: 'Print sizes and dates in human readable format', initial: 'true' },
  { name: 'no-trunc', type: 'bool', help: "Don't truncate output" },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Only show image IDs' },
];

export const examples = ['punnet history --no-trunc busybox'];

interface Line {
  Id: string;
  Created: number;
  CreatedBy: string;
  Size: number;
  Comment: string;
}

const headers = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const lines = await context.client.call<Line[]>('GET', `/images/${name}/history`);
  const human = flags.on('human', true);
  const created = human ? '{{.CreatedSince}}' : '{{.CreatedAt}}';
  const table = `table {{.ID}}\t${created}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
  const wanted = flags.text('format', 'table');
  const format = wanted !== '' && wanted !== 'table' ? wanted : flags.on('quiet') ? '{{.ID}}' : table;
  const rows = lines.map((line) => row(line, { human, truncate: !flags.on('no-trunc') }));
  context.out.write(formatList(rows, { format, headers }));
};

function row(line: Line, { human, truncate }: { human: boolean; truncate: boolean }): Struct {
  const by = line.CreatedBy.replaceAll('\t', ' ');
  const at = new Date(line.Created * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return new Struct('formatter.historyContext', {
    Comment: () => line.Comment,
    CreatedAt: () => at,
    CreatedBy: () => (truncate && by.length > 45 ? `${by.slice(0, 44)}…` : by),
    CreatedSince: () => (line.Created <= 0 ? 'N/A' : `${humanDuration(Date.now() - line.Created * 1000)} ago`),
    ID: () => (truncate ? shortId(line.Id) : line.Id),
    Size: () => (human ? humanSize(line.Size, 3) : String(line.Size)),
  });
}
