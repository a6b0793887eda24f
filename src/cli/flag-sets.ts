// Flags that several verbs share, with one reading and one help text. Data.

import type { Flag } from './flag.ts';

/** `--format` of lists. */
export const listFormat: Flag = {
  name: 'format',
  type: 'string',
  help: `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.`,
};

/** `--format` of single objects. */
export const objectFormat: Flag = {
  name: 'format',
  short: 'f',
  type: 'string',
  help: `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.`,
};

interface Filter {
  name: string;
  value: string;
}

export const filter: Flag = {
  name: 'filter',
  short: 'f',
  type: 'filter',
  help: 'Filter output based on conditions provided',
  read: (text): Filter | undefined => {
    if (text === '') return undefined;
    const equals = text.indexOf('=');
    if (equals < 0) throw new Error('bad format of filter (expected name=value)');
    return { name: text.slice(0, equals).trim().toLowerCase(), value: text.slice(equals + 1).trim() };
  },
};

/** `--filter` of prunes, which has no short form: -f is --force. */
export function pruneFilter(help: string): Flag {
  return { ...filter, short: undefined, help };
}

/** The `filters` parameter, in the form that clients of all versions send; undefined: none. */
export function filterQuery(filters: (Filter | undefined)[]): string | undefined {
  const query: Record<string, Record<string, boolean>> = {};
  for (const each of filters) if (each) (query[each.name] ??= {})[each.value] = true;
  return Object.keys(query).length > 0 ? JSON.stringify(query) : undefined;
}
