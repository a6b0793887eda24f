// `run --explain`: what really ran, told after the run. punnet alone has it.

import { describe, expect, test } from 'vitest';
import type { ExplainedOp } from '../../src/base/explained-op.ts';
import { claims } from '../support/claims.ts';
import { engines } from '../support/every-engine.ts';

for (const engine of engines().filter(({ spec }) => spec.kind === 'punnet' && spec.client === 'punnet')) {
  claims(`run --explain: ${engine.label}`, engine.spec.skip, () => {
    describe('as JSON', () => {
      test('the ops that made the container, in order, on stderr, behind the output of the program', async () => {
        const outcome = await engine.run(['--explain=json', '--hostname', 'seen'], ['sh', '-c', 'echo out; exit 3']);
        expect(outcome.code).toBe(3);
        expect(outcome.stdout).toBe('out\n');
        const ops = JSON.parse(outcome.stderr) as ExplainedOp[];
        expect(ops.map(({ step }) => step)).toEqual([...ops.keys()].map((index) => index + 1));
        const names = ops.map(({ op }) => op);
        const order = ['clone3', 'write_file', 'pivot_root', 'umount2', 'sethostname', 'seccomp', 'capset', 'execve'];
        expect(names.filter((name, index) => order.includes(name) && names.indexOf(name) === index)).toEqual(order);
        expect(ops.find(({ op }) => op === 'clone3')!.call).toMatch(/CLONE_NEWUSER/);
        expect(ops.find(({ op }) => op === 'sethostname')!.shell).toBe('hostname seen');
        expect(ops.at(-1)!.shell).toBe("exec sh -c 'echo out; exit 3'");
        expect(ops.every(({ microseconds }) => microseconds > 0)).toBe(true);
      });

      test('nothing of the environment, which may hold secrets', async () => {
        const outcome = await engine.run(['--explain=json', '-e', 'TOKEN=hunter2'], ['true']);
        expect(outcome.stderr).toContain('execve');
        expect(outcome.stderr).not.toContain('hunter2');
      });
    });

    test('as text: a call with its time, and below it the command of a shell; the sums at the end', async () => {
      const { stderr } = await engine.run(['--explain'], ['true']);
      const lines = stderr.trimEnd().split('\n');
      const mount = lines.findIndex((line) => line.includes('mount("proc", "/proc", "proc"'));
      expect(lines[mount]).toMatch(/^ *\d+ child +\d+\.\d µs {2}mount/);
      expect(lines[mount + 1]).toBe(`${' '.repeat(24)}$ mount -t proc -o nosuid,nodev,noexec proc /proc`);
      expect(lines.at(-1)).toMatch(/^\d+ calls by the parent in [\d.]+ ms, \d+ calls by the child in [\d.]+ ms$/);
    });

    test('of a detached container at once, since its start is over', async () => {
      const name = engine.name();
      const outcome = await engine.run(['-d', '--name', name, '--explain=json'], ['sleep', '1000']);
      expect((JSON.parse(outcome.stderr) as ExplainedOp[]).at(-1)!.op).toBe('execve');
      await engine.must(['rm', '-f', name]);
    });

    test('an unknown style is refused before anything is made', async () => {
      const outcome = await engine.run(['--explain=xml'], ['true']);
      expect(outcome.code).toBe(125);
      expect(outcome.stderr).toContain('invalid argument "xml" for "--explain" flag: must be json or nothing');
    });
  });
}
