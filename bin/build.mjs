#!/usr/bin/env node
// Bundles each program of punnet into one CommonJS file in dist/, one file to read and one file to load, and compiles them
// ahead of time (bin/load.cjs starts them).
// Types are checked by `npm run typecheck`, not here.
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build } from 'esbuild';
import { rehearsePunnet, rehearseRunc } from './rehearse.mjs';

const commands = { punnet: 'src/punnet.ts', punnetd: 'src/punnetd.ts', 'punnet-runc': 'src/punnet-runc.ts' };
const workers = {
  'unpack-worker': 'src/snapshot/unpack-worker.ts',
  'root-thread': 'src/snapshot/root-thread.ts',
};

const options = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // empty in a bundle, and asked for only where there is no __dirname: in the sources, which tests run
  logOverride: { 'empty-import-meta': 'silent' },
};

// Should we be stopped half-way, the cache of an earlier bundle must not be taken for that of the new one.
for (const name of Object.keys(commands)) rmSync(`dist/${name}.bundle.cache`, { force: true });
await build({ ...options, entryPoints: workers, outExtension: { '.js': '.cjs' } });
await build({
  ...options,
  entryPoints: commands,
  outExtension: { '.js': '.bundle.js' },
  minifyWhitespace: true,
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
});
for (const name of Object.keys(commands)) copyFileSync('bin/load.cjs', `dist/${name}.cjs`);
compileAll('punnetd');
await rehearsePunnet();
await rehearseRunc();

/** Every function of the daemon, which reaches most of them sooner or later. */
function compileAll(name) {
  const filename = `dist/${name}.bundle.js`;
  setFlagsFromString('--no-lazy');
  const script = new Script(readFileSync(filename, 'latin1'), { filename });
  // The cache remembers the flags and is good for the same ones alone.
  setFlagsFromString('--lazy');
  writeFileSync(`dist/${name}.bundle.cache.new`, script.createCachedData());
  renameSync(`dist/${name}.bundle.cache.new`, `dist/${name}.bundle.cache`);
}
