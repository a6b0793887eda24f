// punnet logs: what a container wrote. docker/cli: cli/command/container/logs.go.

import { demultiplexer } from '../../api/demultiplex.ts';
import { readDuration } from '../../base/duration.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

const TIME = 'timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)';

export const flags: Flag[] = [
  { name: 'details', type: 'bool', help: 'Show extra details provided to logs' },
  { name: 'follow', short: 'f', type: 'bool', help: 'Follow log output' },
  { name: 'since', type: 'string', help: `Show logs since ${TIME}` },
  {
    name: 'tail',
    short: 'n',
    type: 'string',
    help: 'Number of lines to show from the end of the logs',
    initial: '"all"',
  },
  { name: 'timestamps', short: 't', type: 'bool', help: 'Show timestamps' },
  { name: 'until', type: 'string', help: `Show logs before a ${TIME}` },
];

export const examples = ['punnet logs -f --tail 20 web', 'punnet logs --since 10m -t web'];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const container = await context.client.call<{ Id: string; Config: { Tty: boolean } }>(
    'GET',
    `/containers/${name}/json`,
  );
  const response = await context.client.stream('GET', `/containers/${container.Id}/logs`, {
    query: {
      details: flags.on('details'),
      follow: flags.on('follow'),
      since: timestamp('since', flags.text('since')),
      stderr: true,
      stdout: true,
      tail: flags.text('tail', 'all'),
      timestamps: flags.on('timestamps'),
      until: timestamp('until', flags.text('until')),
    },
  });
  const write = demultiplexer((stream, data) => (stream === 'stderr' ? context.err : context.out).write(data));
  for await (const chunk of response.body) {
    if (container.Config.Tty) context.out.write(chunk as Buffer);
    else write(chunk as Buffer);
  }
};

const PARTS = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|z|[+-]\d\d:\d\d)?$/;

/** A span before now, a time (local where it names no zone) or seconds since the epoch; as the API takes it. */
export function timestamp(flag: string, text: string, now = Date.now()): string {
  if (text === '' || text === '0' || /^\d+(\.\d+)?$/.test(text)) return text;
  try {
    return String(Math.trunc((now - readDuration(text) / 1e6) / 1000));
  } catch {
    const [, date, hour = '00', minute = '00', second = '00', fraction, zone = ''] = PARTS.exec(text) ?? [];
    const time = date === undefined ? NaN : Date.parse(`${date}T${hour}:${minute}:${second}${zone.toUpperCase()}`);
    if (Number.isNaN(time)) {
      throw new Error(
        `invalid value for "${flag}": failed to parse value as time or duration: ${JSON.stringify(text)}`,
      );
    }
    return `${Math.trunc(time / 1000)}.${(fraction ?? '').padEnd(9, '0')}`;
  }
}
