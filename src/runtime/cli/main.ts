// punnet-runc from its arguments to its exit status: global flags, the command, its flags, its errors. runc(8)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import { COMMANDS, type Command } from './commands.ts';
import { parseFlags, type FlagTable } from './flags.ts';
import { say, sayError } from './say.ts';
import { GLOBAL_FLAGS, settingsOf, type Settings } from './settings.ts';

/** runc's: a command of the container that ended with 255 looks the same. */
const FAILED: Readonly<Record<string, number>> = { exec: 255 };

/** @param version `punnet-runc`'s own @returns the exit status */
export async function main(argv: readonly string[], version: string): Promise<number> {
  let settings: Settings | undefined;
  let name = '';
  try {
    const { flags, rest } = parseFlags(GLOBAL_FLAGS, argv);
    settings = settingsOf(flags);
    if (flags.bool('version')) return print(`punnet-runc version ${version}\nspec: ${SPECIFICATION}\n`);
    [name = 'help'] = rest;
    if (flags.bool('help') || name === 'help' || name === 'h') return print(help(rest[1]));
    const command = COMMANDS[name];
    if (!command) throw invalidArgument(`No help topic for '${name}'`, { fix: 'punnet-runc --help' });
    const called = parseFlags({ ...command.flags, 'help,h': ['bool', 'show help'] }, rest.slice(1));
    if (called.flags.bool('help')) return print(help(name));
    checkArity(name, command, called.rest.length);
    const verb = await command.load();
    return await verb({ settings, flags: called.flags, args: called.rest });
  } catch (error) {
    sayError(error, settings);
    if (process.env.PUNNET_DEBUG || !(error instanceof PunnetError)) say(2, `${(error as Error)?.stack ?? ''}\n`);
    return FAILED[name] ?? 1;
  }
}

/** of the OCI runtime specification that config.json is read by */
export const SPECIFICATION = '1.2.0';

function print(text: string): number {
  say(1, text);
  return 0;
}

function checkArity(name: string, { arity: [least, most], operands }: Command, given: number): void {
  if (given >= least && given <= most) return;
  const kind = least === most ? `exactly ${least}` : given < least ? `a minimum of ${least}` : `a maximum of ${most}`;
  throw invalidArgument(`punnet-runc: ${JSON.stringify(name)} requires ${kind} argument(s)`, {
    fix: `punnet-runc ${name} ${operands}`.trimEnd(),
  });
}

function help(name?: string): string {
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command) {
    const usage = `Usage: punnet-runc ${name} [options] ${command.operands}`.trimEnd();
    return `${usage}\n\n${command.about}\n\nOptions:\n${options(command.flags)}`;
  }
  const width = Math.max(...Object.keys(COMMANDS).map((each) => each.length)) + 3;
  const lines = Object.entries(COMMANDS).map(([each, { about }]) => `  ${each.padEnd(width)}${about}\n`);
  return `Usage: punnet-runc [global options] <command> [options] [operands]

An OCI runtime: makes a container of a bundle, which is a directory with a config.json and a root file system.

Commands:
${lines.join('')}
Global options:
${options(GLOBAL_FLAGS)}`;
}

function options(table: FlagTable): string {
  return Object.entries(table)
    .map(([names, [kind, about]]) => {
      const spelled = names.split(',').map((each) => (each.length === 1 ? `-${each}` : `--${each}`));
      return `  ${(spelled.join(', ') + (kind === 'bool' ? '' : ' value')).padEnd(26)} ${about}\n`;
    })
    .join('');
}
