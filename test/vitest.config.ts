import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

// rooms: no engine needed, a file per subject. verb: the same claims on every engine, which test/verb/setup.ts starts once.
export default defineConfig({
  test: {
    root,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most of what the tests do is to wait for other programs.
    poolOptions: { forks: { maxForks: Math.max(3, availableParallelism() - 1) } },
    reporters: ['default', new URL('support/closing-line.ts', import.meta.url).pathname],
    projects: [
      {
        extends: true,
        test: { root, name: 'rooms', include: ['test/**/*.test.ts'], exclude: ['test/verb/**', 'test/soak/**'] },
      },
      {
        extends: true,
        test: {
          root,
          name: 'verb',
          include: ['test/verb/**/*.test.ts'],
          globalSetup: new URL('verb/setup.ts', import.meta.url).pathname,
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { root, name: 'soak', include: ['test/soak/**/*.test.ts'], testTimeout: 600_000 },
      },
    ],
  },
});
