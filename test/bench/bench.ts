// `npm run bench`: measures punnet against the engines that this machine has, in one run, and prints a table of medians,
// ratios and budgets; `--json` prints the same as data. `--rows 1,7` chooses, `--times N` repeats. Exit code 1 when a budget is
// missed. Compare nothing across runs.

import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import type { Result } from './measure.ts';
import { startPeers } from './peers.ts';
import { ROWS, type Budget, type Row } from './rows.ts';

interface Verdict extends Budget {
  found?: number;
  met?: boolean;
}

interface Measured {
  row: Row;
  results: Result[];
  verdicts: Verdict[];
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: ROWS.map(({ number }) => number).join() },
    times: { type: 'string', default: '15' },
  },
});

const print = (text: string) => void process.stdout.write(`${text}\n`);
const chosen = ROWS.filter(({ number }) => options.rows.split(',').includes(String(number)));
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.versions.node}`;

const peers = await startPeers();
const measured: Measured[] = [];
try {
  if (!options.json) {
    print(machine);
    for (const text of peers.absent) print(`absent: ${text}`);
  }
  for (const row of chosen) {
    const results = await row.measure(peers, Number(options.times));
    const verdicts = row.budgets.map((budget) => judge(row, results, budget));
    measured.push({ row, results, verdicts });
    if (!options.json) print(table(measured.at(-1)!));
  }
} finally {
  await peers.stop();
}
if (options.json) {
  const rows = measured.map(({ row: { number, title, unit, subject }, results, verdicts }) => {
    return { number, title, unit, subject, results, budgets: verdicts };
  });
  print(JSON.stringify({ machine, load: loadavg(), absent: peers.absent, rows }, null, 2));
}
process.exitCode = measured.some(({ verdicts }) => verdicts.some(({ met }) => met === false)) ? 1 : 0;

function judge({ subject }: Row, results: Result[], budget: Budget): Verdict {
  const valueOf = (name: string) => results.find((result) => result.name === name)?.median;
  const own = valueOf(subject);
  const other = budget.peer === undefined ? 1 : valueOf(budget.peer);
  if (own === undefined || other === undefined) return budget;
  const found = own / other;
  return { ...budget, found, met: budget.sense === 'at-least' ? found >= budget.bound : found <= budget.bound };
}

function table({ row, results, verdicts }: Measured): string {
  const lines = [`\n${row.number}. ${row.title} (${row.unit})`];
  for (const { name, median, reason } of results) {
    lines.push(
      `   ${name.padEnd(22)} ${median === undefined ? `– ${reason}` : median.toFixed(median < 10 ? 2 : 1).padStart(9)}`,
    );
  }
  for (const { peer, bound, sense, found, met } of verdicts) {
    const what = peer ? `${row.subject} / ${peer}` : row.subject;
    const told =
      found === undefined ? 'not measured' : `${found.toFixed(found < 10 ? 3 : 1)}: ${met ? 'met' : 'MISSED'}`;
    lines.push(`   ${what} ${sense === 'at-least' ? '≥' : '≤'} ${bound}: ${told}`);
  }
  return lines.join('\n');
}
