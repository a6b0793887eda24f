// punnet system check: lets the daemon verify every blob, layer and record. Exit 1 when something is wrong.

import { Exit } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [{ name: 'json', type: 'bool', help: 'Print in JSON format' }];

export const examples = ['punnet system check --json'];

interface Report {
  Problems: string[];
  Checked: Record<string, number>;
}

export const run: Run = async (context, { flags }) => {
  const report = await context.client.call<Report>('GET', '/punnet/check');
  if (flags.on('json')) context.out.line(JSON.stringify(report, null, 2));
  else {
    const counts = Object.entries(report.Checked).map(([what, count]) => `${count} ${what}`);
    context.out.line(`checked ${counts.join(', ') || 'nothing: the store is empty'}`);
    for (const problem of report.Problems) context.out.line(`problem: ${problem}`);
  }
  if (report.Problems.length > 0) throw new Exit(1);
};
