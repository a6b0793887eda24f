// punnet top: the processes of a container, as ps(1) shows them. docker/cli: cli/command/container/top.go.

import type { Flag } from '../flag.ts';
import { layOut } from '../format/table.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet top web', 'punnet top web -o pid,comm'];

const LAYOUT = { minimum: 20, padding: 3 };

export const run: Run = async (context, { positional: [name = '', ...options] }) => {
  const { Titles, Processes } = await context.client.call<{ Titles: string[]; Processes: string[][] }>(
    'GET',
    `/containers/${name}/top`,
    { query: { ps_args: options.join(' ') } },
  );
  context.out.write(layOut([Titles, ...Processes].map((row) => `${row.join('\t')}\n`).join(''), LAYOUT));
};
