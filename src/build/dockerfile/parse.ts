// A Dockerfile's text → its stages of typed instructions. Pure. Runs in the daemon, and in the CLI for `lint`.

import { invalidArgument } from '../../base/errors.ts';
import type { Dockerfile } from './instruction.ts';
import { lineError, readLines } from './lines.ts';
import { parseInstruction } from './parse-instruction.ts';

/** @throws invalidArgument `dockerfile parse error on line N: …`, as Docker says it */
export function parseDockerfile(text: string): Dockerfile {
  const { lines, escape, directives, emptyContinuations } = readLines(text);
  const file: Dockerfile = { escape, directives, args: [], stages: [], emptyContinuations };
  for (const line of lines) {
    try {
      const instruction = parseInstruction(line, escape);
      const stage = file.stages.at(-1);
      if (instruction.name === 'FROM') file.stages.push({ from: instruction, instructions: [] });
      else if (stage) stage.instructions.push(instruction);
      else if (instruction.name === 'ARG') file.args.push(instruction);
      else throw invalidArgument('no build stage in current context');
    } catch (error) {
      throw lineError(line.start, error);
    }
  }
  if (file.stages.length === 0) throw invalidArgument('no build stage in current context');
  return file;
}
