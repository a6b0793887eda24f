#!/usr/bin/env node
// `npm run bench [-- --json] [-- --rows 1,2]`: bundles bench.ts and runs it. Two levels below the project, as the sources are,
// so that they find it.
import { mkdirSync } from 'node:fs';
import { build } from 'esbuild';

const outfile = new URL('../../dist/bench/bench.mjs', import.meta.url).pathname;
mkdirSync(new URL('.', `file://${outfile}`).pathname, { recursive: true });
await build({
  entryPoints: [new URL('bench.ts', import.meta.url).pathname],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
await import(outfile);
