// punnet stats: what containers use, live or once. docker/cli: cli/command/container/stats.go.

import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { exitWithAll } from '../exit.ts';
import { listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { formatList } from '../format/list.ts';
import { statsHeaders, statsRow, type StatsSample } from '../format/stats.ts';
import { eachJson } from '../stream/each-json.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Show all containers (default shows just running)' },
  listFormat,
  { name: 'no-stream', type: 'bool', help: 'Disable streaming stats and only pull the first result' },
  { name: 'no-trunc', type: 'bool', help: 'Do not truncate output' },
];

export const examples = ['punnet stats --no-stream', "punnet stats --format '{{.Name}}: {{.CPUPerc}}' web db"];

const TABLE =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
const REFRESH_MS = 500;

export const run: Run = async (context, { flags, positional }) => {
  let format = flags.text('format') || ((await context.config()).statsFormat ?? '');
  if (format === '' || format === 'table') format = TABLE;
  const truncate = !flags.on('no-trunc');
  const shown = new Shown(context);
  const text = () =>
    formatList(
      shown.rows().map(([name, sample]) => statsRow(name, sample, { truncate })),
      { format, headers: statsHeaders },
    );
  const listed = () => listing(context, flags.on('all'));
  if (flags.on('no-stream')) {
    const names = positional.length > 0 ? positional : await listed();
    const errors = await shown.once(names);
    context.out.write(text());
    exitWithAll(errors);
    return;
  }
  if (positional.length > 0) shown.follow(positional);
  for (;;) {
    if (positional.length === 0) shown.follow(await listed());
    if (shown.ready) draw(context, text());
    if (positional.length > 0 && shown.over) return exitWithAll(shown.errors);
    await pause(REFRESH_MS);
  }
};

async function listing(context: Context, all: boolean): Promise<string[]> {
  return (await context.client.call<{ Id: string }[]>('GET', '/containers/json', { query: { all } })).map(
    ({ Id }) => Id,
  );
}

/** Over what was drawn before; what is left of longer lines goes. */
function draw(context: Context, text: string): void {
  context.out.write(`\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`);
}

/** The containers on show, and the last sample of each. */
class Shown {
  readonly errors: unknown[] = [];
  readonly #context: Context;
  readonly #samples = new Map<string, StatsSample | undefined>();
  #open = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  rows(): [string, StatsSample | undefined][] {
    return [...this.#samples];
  }

  /** Something is known of every container. */
  get ready(): boolean {
    return [...this.#samples.values()].every((sample) => sample !== undefined);
  }

  /** No container is there any more. */
  get over(): boolean {
    return this.#open === 0;
  }

  async once(names: string[]): Promise<unknown[]> {
    for (const name of names) this.#samples.set(name, undefined);
    await Promise.all(names.map((name) => this.#read(name, false)));
    return this.errors;
  }

  /** Samples from now on, until the container is removed. */
  follow(names: string[]): void {
    for (const name of names) {
      if (this.#samples.has(name)) continue;
      this.#samples.set(name, undefined);
      this.#open++;
      void this.#read(name, true).finally(() => {
        this.#samples.delete(name);
        this.#open--;
      });
    }
  }

  async #read(name: string, stream: boolean): Promise<void> {
    try {
      const { body } = await this.#context.client.stream('GET', `/containers/${name}/stats`, {
        query: { stream: stream ? '1' : '0' },
      });
      await eachJson<StatsSample>(body, (sample) => this.#samples.set(name, sample));
    } catch (error) {
      this.errors.push(error);
      this.#samples.delete(name);
    }
  }
}
