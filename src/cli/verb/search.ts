// punnet search: what Docker Hub, or a registry that can search, finds. docker/cli: cli/command/registry/search.go.

import { filter, filterQuery } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { formatList } from '../format/list.ts';
import { ellipsis } from '../format/text.ts';
import { Struct } from '../format/template.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { ...filter, help: 'Filter output based on conditions provided' },
  { name: 'format', type: 'string', help: 'Pretty-print search using a Go template' },
  { name: 'limit', type: 'int', help: 'Max number of search results' },
  { name: 'no-trunc', type: 'bool', help: "Don't truncate output" },
];

export const examples = ['punnet search --filter is-official=true busybox'];

interface Result {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
}

const HEADERS = { Name: 'NAME', Description: 'DESCRIPTION', StarCount: 'STARS', IsOfficial: 'OFFICIAL' };
const TABLE = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}';

export const run: Run = async (context, { flags, positional: [term = ''] }) => {
  const filters = filterQuery(flags.all<{ name: string; value: string }>('filter'));
  const query = { term, limit: flags.number('limit') || undefined, filters };
  const found = await context.client.call<Result[]>('GET', '/images/search', { query });
  const rows = found.sort((a, b) => b.star_count - a.star_count).map((result) => row(result, !flags.on('no-trunc')));
  const format = flags.text('format');
  context.out.write(
    formatList(rows, { format: format === '' || format === 'table' ? TABLE : format, headers: HEADERS }),
  );
};

function row({ name, description, star_count, is_official }: Result, truncate: boolean): Struct {
  return new Struct('*registry.searchContext', {
    Name: () => name,
    Description: () => {
      const text = description.replace(/[\r\n]+/g, ' ');
      return truncate ? ellipsis(text, 45) : text;
    },
    StarCount: () => String(star_count),
    IsOfficial: () => (is_official ? '[OK]' : ''),
  });
}
