import { accessSync, constants } from 'node:fs';
import { expect, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { need, PROJECT } from '../support/need.ts';
import { testUser } from '../support/user.ts';
import { unmet } from '../runtime/container.ts';
import { CLAIMS, openBed } from './claims.ts';
import { ENGINE_CLAIMS } from './engine-claims.ts';
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
  const judge = ({ title }: { title: string }) => {
    const answer = said.find((line) => line.title === title);
    expect(answer, `the guest said nothing of it, but: ${JSON.stringify(said.at(-1))}`).toBeDefined();
    expect(answer!.error).toBeUndefined();
  };
  claims('limits of the whole engine, inside User Mode Linux', missing ?? need('built', 'subids'), () => {
    test.each(ENGINE_CLAIMS)('$title', judge);
  });
  claims('limits, inside User Mode Linux', missing, () => {
    test.each(CLAIMS)('$title', judge);
    test('the guest came to its end', () => {
      expect(said.at(-1)).toEqual({ end: true });
    });
  });
}

async function askGuest(): Promise<Said[]> {
  const user = process.getuid!() === 0 ? testUser() : { uid: process.getuid!(), gid: process.getgid!() };
  const whole = need('built', 'subids') === undefined;
  const env = whole ? { PUNNET_TEST_ENGINE: PROJECT, PUNNET_TEST_OWNER: `${user.uid}:${user.gid}` } : undefined;
  const output = await runInUml({ entry: new URL('inside.ts', import.meta.url).pathname, env });
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
