// Runs a program of dist, `node bin/run-cached.cjs dist/NAME.cjs ARGUMENTS`, with the code that V8 compiled of it earlier: parsing and
// compiling is most of what a short program does. The code lies beside the program, one file for each Node; who may write
// there makes it at the first run, and V8 refuses what was made of another source, by another version or with other flags.
'use strict';
const { readFileSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

process.argv.splice(1, 1);
const program = process.argv[1];
const source = readFileSync(program, 'latin1'); // esbuild writes ASCII
const place = `${program}.${process.version}-${process.arch}.code`;

function load() {
  try {
    if (statSync(place).mtimeMs >= statSync(program).mtimeMs) return readFileSync(place);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return undefined;
}

function save() {
  const temporary = `${place}.${process.pid}`;
  try {
    writeFileSync(temporary, script.createCachedData(), { flag: 'wx', mode: 0o644 });
    renameSync(temporary, place);
  } catch {
    // Not our directory, or full: the next run compiles again.
    rmSync(temporary, { force: true });
  }
}

const cachedData = load();
const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
const script = new Script(wrapped, { filename: program, cachedData });
const directory = program.slice(0, program.lastIndexOf('/')) || '.';
// Called by the program before it ends, when the functions that it needed are compiled.
module.exports.atEnd = cachedData === undefined || script.cachedDataRejected ? save : () => {};
script.runInThisContext().call({}, {}, require, module, program, directory);
