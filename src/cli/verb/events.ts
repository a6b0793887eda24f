// punnet events: what happens, as it happens. docker/cli: cli/command/system/events.go.

import type { Context } from '../context.ts';
import { filter, filterQuery } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { templateOf } from '../format/list.ts';
import { compileTemplate } from '../format/template.ts';
import { eachJson } from '../stream/each-json.ts';
import type { Run } from '../verb.ts';
import { timestamp } from './logs.ts';

export const flags: Flag[] = [
  filter,
  {
    name: 'format',
    type: 'string',
    help: `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.`,
  },
  { name: 'since', type: 'string', help: 'Show all events created since timestamp' },
  { name: 'until', type: 'string', help: 'Stream events until this timestamp' },
];

export const examples = [
  'punnet events --filter type=container --filter event=die',
  "punnet events --since 10m --until 0s --format '{{.Action}} {{.Actor.ID}}'",
];

interface Event {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes?: Record<string, string> };
  time: number;
  timeNano: number;
}

export const run: Run = async (context, { flags }) => {
  const print = printer(context, flags.text('format'));
  const { body } = await context.client.stream('GET', '/events', {
    query: {
      filters: filterQuery(flags.all('filter')),
      since: timestamp('since', flags.text('since')),
      until: timestamp('until', flags.text('until')),
    },
  });
  await eachJson<Event>(body, print);
};

function printer(context: Context, format: string): (event: Event) => void {
  if (format === '') return (event) => context.out.line(eventLine(event));
  const template = compileTemplate(templateOf(format));
  return (event) => context.out.line(template.run(event));
}

/** `2026-01-02T03:04:05.000000006Z container start ID (image=busybox, name=web)` */
export function eventLine({ Type, Action, Actor, time, timeNano }: Event): string {
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const list = attributes.length > 0 ? ` (${attributes.join(', ')})` : '';
  return `${localTime(time, timeNano)} ${Type} ${Action} ${Actor.ID}${list}`;
}

/** RFC 3339 with nine decimals, in this zone. A number keeps no nanoseconds beyond some hundreds, and neither does this. */
function localTime(seconds: number, nanoseconds: number): string {
  const fraction = Math.max(0, nanoseconds - seconds * 1e9);
  const offset = -new Date(seconds * 1000).getTimezoneOffset();
  const local = new Date((seconds + offset * 60) * 1000).toISOString().slice(0, 19);
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0');
  const minutes = Math.abs(offset);
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  return `${local}.${String(fraction).padStart(9, '0').slice(0, 9)}${zone}`;
}
