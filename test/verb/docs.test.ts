// Every command block of the documents that is marked ```sh run``` runs on punnet as it stands there, and succeeds.

import { describe, expect, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { blocks, documents } from '../support/markdown.ts';
import { PROJECT } from '../support/need.ts';
import { run } from '../support/process.ts';

const runnable = documents()
  .flatMap(blocks)
  .filter(({ info }) => info === 'sh run');

onEveryEngine('documents', (engine) => {
  const { spec } = engine;
  describe.runIf(spec.kind === 'punnet' && spec.client === 'punnet')('on punnet', () => {
    test.each(runnable)('$document, line $line, runs', async ({ code }) => {
      const outcome = await run('sh', ['-eu', '-c', code], {
        cwd: spec.home,
        env: { ...spec.env, PATH: `${PROJECT}/bin:${spec.env.PATH ?? ''}` },
        ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid }),
      });
      expect({ ...outcome, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: expect.any(String) as string });
    });
  });
});
