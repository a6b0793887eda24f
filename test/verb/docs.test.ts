// Every command block of the documents that is marked ```sh run``` runs on punnet as it stands there, and succeeds.

import { expect, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { engines } from '../support/every-engine.ts';
import { blocks, documents } from '../support/markdown.ts';
import { PROJECT } from '../support/need.ts';
import { run } from '../support/process.ts';

const runnable = documents()
  .flatMap(blocks)
  .filter(({ info }) => info === 'sh run');

for (const engine of engines().filter(({ spec }) => spec.kind === 'punnet' && spec.client === 'punnet'))
  claims(`documents: ${engine.label}`, engine.spec.skip, () => {
    const { spec } = engine;
    test.each(runnable)('$document, line $line, runs', async ({ code }) => {
      const outcome = await run('sh', ['-eu', '-c', code], {
        cwd: spec.home,
        env: { ...spec.env, PATH: `${PROJECT}/bin:${spec.env.PATH ?? ''}` },
        ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid }),
      });
      expect({ ...outcome, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: expect.any(String) as string });
    });
  });
