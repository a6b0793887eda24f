import { accessSync, constants } from 'node:fs';
import { expect, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { need } from '../support/need.ts';
import { unmet } from '../runtime/container.ts';
import { CLAIMS, openBed } from './claims.ts';
import { runInUml } from './uml.ts';

const native = need('cgroup.memory') === undefined && isWritable('/sys/fs/cgroup/cgroup.procs');
const missing = native ? unmet : need('uml');

interface Said {
  title?: string;
  error?: string;
  end?: boolean;
}

if (native) {
  claims('limits, on this machine', missing, () => {
    const bed = missing === undefined ? openBed(false) : undefined;
    test.each(CLAIMS)('$title', async ({ check }) => check(bed!), 60_000);
    test('and nothing is left behind', () => bed!.host.remove());
  });
} else {
  // Booted while the tests are collected, because each of the guest's claims becomes a test here.
  const said = missing === undefined ? await askGuest() : [];
  claims('limits, inside User Mode Linux', missing, () => {
    test.each(CLAIMS)('$title', ({ title }) => {
      const answer = said.find((line) => line.title === title);
      expect(answer, `the guest said nothing of it, but: ${JSON.stringify(said.at(-1))}`).toBeDefined();
      expect(answer!.error).toBeUndefined();
    });
    test('the guest came to its end', () => {
      expect(said.at(-1)).toEqual({ end: true });
    });
  });
}

async function askGuest(): Promise<Said[]> {
  const output = await runInUml({ entry: new URL('inside.ts', import.meta.url).pathname });
  const lines = [...output.matchAll(/@claim (\{.*\})/g)].map(([, json]) => JSON.parse(json!) as Said);
  return lines.length > 0 ? lines : [{ error: output.slice(-4000) }];
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
