#!/usr/bin/env node
// Bundles each program of punnet into one CommonJS file in dist/: one file to read, one file to load.
// Types are checked by `npm run typecheck`, not here.
import { existsSync } from 'node:fs';
import { build } from 'esbuild';

const programs = {
  punnet: 'src/punnet.ts',
  punnetd: 'src/punnetd.ts',
  'punnet-runc': 'src/punnet-runc.ts',
  'unpack-worker': 'src/snapshot/unpack-worker.ts',
};

const entryPoints = Object.fromEntries(Object.entries(programs).filter(([, source]) => existsSync(source)));

await build({
  entryPoints,
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // empty in a bundle, and asked for only where there is no __dirname: in the sources, which tests run
  logOverride: { 'empty-import-meta': 'silent' },
});
