// Times and what is made of them. Alternating runs, so that noise of the machine meets every engine alike; medians.

import { spawn } from 'node:child_process';

export interface Command {
  program: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
}

/** Milliseconds from start to end of a program. @throws Error with what it said when it fails */
export function timeCommand({ program, args, ...options }: Command): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', ...options });
    let said = '';
    let end = 0;
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('exit', () => (end = performance.now()));
    child.once('close', (code) => {
      if (code === 0) resolve(end - start);
      else reject(new Error(`${program} ${args.join(' ')}: exit ${code}: ${said.trim()}`));
    });
  });
}

/** Milliseconds that an action takes. */
export async function time(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

export interface Sample {
  name: string;
  /** One measurement, in any unit; undefined once it failed. */
  measure(): Promise<number>;
}

export interface Result {
  name: string;
  /** undefined: could not be measured, for `reason` */
  median?: number;
  reason?: string;
}

/** Measures every sample `times` times in turn, after one round that does not count. */
export async function alternate(samples: Sample[], times: number): Promise<Result[]> {
  const values = new Map<string, number[]>(samples.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  for (let round = 0; round <= times; round++) {
    for (const { name, measure } of samples) {
      if (failed.has(name)) continue;
      try {
        const value = await measure();
        if (round > 0) values.get(name)!.push(value);
      } catch (error) {
        failed.set(name, (error as Error).message.trim().split('\n').at(-1)!.slice(-160));
      }
    }
  }
  return samples.map(({ name }) => {
    const reason = failed.get(name);
    return reason ? { name, reason } : { name, median: median(values.get(name)!) };
  });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
