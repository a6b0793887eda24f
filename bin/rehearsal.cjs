// Runs a program of punnet once while it is built, and writes down what V8 has compiled by its end: the cache then has the
// functions that a usual command reaches, and takes a third of the time to read that all of them would.
// `node bin/rehearsal.cjs PROGRAM WORD...`; node:vm, script.createCachedData.
'use strict';
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const [name, ...words] = process.argv.slice(2);
const home = join(__dirname, '../dist');
const filename = join(home, `${name}.bundle.js`);
const main = join(home, `${name}.cjs`);
process.argv = [process.argv[0], main, ...words];

// The native part ends a process at once, and then nothing would be written.
const dlopen = process.dlopen;
process.dlopen = (into, ...rest) => {
  dlopen.call(process, into, ...rest);
  into.exports.exitGroup = process.exit;
};
const program = new Script(readFileSync(filename, 'latin1'), { filename });
process.once('exit', () => {
  const cache = join(home, `${name}.bundle.cache`);
  writeFileSync(`${cache}.new`, program.createCachedData());
  renameSync(`${cache}.new`, cache);
});
program.runInThisContext()(exports, require, module, main, home);
