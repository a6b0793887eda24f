// punnet ps: lists containers. docker/cli: cli/command/container/list.go.

import { filter, filterQuery, listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { containerHeaders, containerRow, type ContainerSummary } from '../format/container.ts';
import { formatList } from '../format/list.ts';
import { compileTemplate, Struct, type Template } from '../format/template.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Show all containers (default shows just running)' },
  filter,
  listFormat,
  {
    name: 'last',
    short: 'n',
    type: 'int',
    help: 'Show n last created containers (includes all states)',
    initial: '-1',
  },
  { name: 'latest', short: 'l', type: 'bool', help: 'Show the latest created container (includes all states)' },
  { name: 'no-trunc', type: 'bool', help: "Don't truncate output" },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Only display container IDs' },
  { name: 'size', short: 's', type: 'bool', help: 'Display total file sizes' },
];

export const examples = [
  'punnet ps -a --filter status=exited',
  "punnet ps --format 'table {{.Names}}\\t{{.Status}}'",
  'punnet ps --format json | jq .Names',
];

const TABLE = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
const RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

export const run: Run = async (context, { flags }) => {
  const quiet = flags.on('quiet');
  let format = flags.text('format');
  if (format === '') format = (await context.config()).psFormat ?? '';
  else if (quiet) context.err.line('WARNING: Ignoring custom format, because both --format and --quiet are set.');
  const used = fieldsUsed(flags.text('format'));
  const size = flags.on('size') || (!quiet && !flags.changed('size') && used.has('Size'));
  const last = flags.number('last', -1);
  const containers = await context.client.call<ContainerSummary[]>('GET', '/containers/json', {
    query: {
      all: flags.on('all'),
      filters: filterQuery(flags.all('filter')),
      limit: last !== -1 ? last : flags.on('latest') ? 1 : undefined,
      size,
    },
  });
  const truncate = !flags.on('no-trunc');
  const rows = containers.map((container) => containerRow(container, { truncate }));
  context.out.write(formatList(rows, { format: containerFormat(format, { quiet, size }), headers: containerHeaders }));
};

function containerFormat(format: string, { quiet, size }: { quiet: boolean; size: boolean }): string {
  if (format === 'raw') return quiet ? 'container_id: {{.ID}}' : RAW + (size ? 'size: {{.Size}}\n' : '');
  if (quiet) return '{{.ID}}';
  if (format === '' || format === 'table') return TABLE + (size ? '\t{{.Size}}' : '');
  return format;
}

/** Tries the template out before the daemon is asked: sizes cost time, so they are asked for only where shown. */
function fieldsUsed(format: string): Set<string> {
  const used = new Set<string>();
  if (format === '') return used;
  let template: Template;
  try {
    template = compileTemplate(format);
  } catch (error) {
    throw new Error(`failed to parse template: ${(error as Error).message}`, { cause: error });
  }
  const empty = { Id: '', Image: '', ImageID: '', Command: '', Created: 0, State: '', Status: '' };
  const { fields, type } = containerRow(empty, { truncate: true });
  const size = () => {
    used.add('Size');
    return '';
  };
  try {
    template.run(new Struct(type, { ...fields, Size: size }));
  } catch (error) {
    throw new Error(`failed to execute template: ${(error as Error).message}`, { cause: error });
  }
  return used;
}
