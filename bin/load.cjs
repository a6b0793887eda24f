// The start of each program of punnet: bin/build.mjs copies this file to dist/PROGRAM.cjs, beside PROGRAM.bundle.js, which is
// the program as one function, and PROGRAM.bundle.cache, what V8 compiled of it. To compile anew would take a short command a
// tenth of its time. V8 itself passes over the cache of another version. node:vm, class vm.Script, `cachedData`.
'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__filename.slice(0, -'.cjs'.length)}.bundle.js`;
let cachedData;
try {
  cachedData = readFileSync(filename.replace(/js$/, 'cache'));
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
}
// esbuild writes ASCII alone.
const program = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
program.runInThisContext()(exports, require, module, __filename, __dirname);
