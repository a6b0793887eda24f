// How a command line ends: a status and what stderr says. The CLI alone turns errors into exit codes.
// Runs in the CLI, as the user.

import { messageOf, PunnetError } from '../base/errors.ts';

/** Ends the program with `status`; an empty message prints nothing (the container's own exit code). */
export class Exit extends Error {
  readonly status: number;

  constructor(status: number, message = '', cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** Several failures of one command, one line each, exit 1. */
export function exitWithAll(errors: unknown[]): void {
  if (errors.length > 0) throw new Exit(1, errors.map(textOf).join('\n'));
}

/** The text of an error with the command that mends it. */
export function textOf(error: unknown): string {
  const fix = error instanceof PunnetError ? error.fix : undefined;
  return fix === undefined ? messageOf(error) : `${messageOf(error)}\nfix: ${fix}`;
}

/** Errors of `run` and `create` before or at the start: with Docker's frame and its codes 125, 126, 127. */
export function startFailure(error: unknown, verb: string): Exit {
  const message = messageOf(error);
  const missing = ['executable file not found', 'no such file or directory', 'system cannot find the file specified'];
  const refused = ['permission denied', 'is a directory'];
  const matches = (texts: string[]) => texts.some((text) => message.includes(text));
  return framed(matches(missing) ? 127 : matches(refused) ? 126 : 125, error, verb);
}

/** Flags of `run` and `create` that make no container: 125, whatever the reason. */
export function flagFailure(error: unknown, verb: string): Exit {
  return framed(125, error, verb);
}

function framed(status: number, error: unknown, verb: string): Exit {
  return new Exit(status, `punnet: ${textOf(error)}\n\nRun 'punnet ${verb} --help' for more information`, error);
}
