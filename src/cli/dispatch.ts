// From the words of a command line to the verb that they name. Texts and exit codes of docker/cli (cli/cobra.go,
// cli/required.go). Runs in the CLI, as the user.

import { dirname } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { locations } from '../base/locations.ts';
import { Context } from './context.ts';
import { Exit } from './exit.ts';
import type { Flag } from './flag.ts';
import { refuseForeign } from './own-directory.ts';
import { parseFlags, UsageError, type Parsed, type ParseRules } from './parse-flags.ts';
import type { Group, Verb, VerbModule } from './verb.ts';
import { groups, verbs } from './verbs.ts';

export const globalFlags: Flag[] = [
  { name: 'config', type: 'string', help: 'Location of client config files', initial: '"~/.docker"' },
  { name: 'debug', short: 'D', type: 'bool', help: 'Show where an error comes from' },
  {
    name: 'host',
    short: 'H',
    type: 'list',
    help: 'Daemon socket to connect to (unix://PATH); such a daemon is not started',
  },
  { name: 'version', short: 'v', type: 'bool', help: 'Print version information and quit' },
];

const ROOT = 'punnet [OPTIONS] COMMAND [ARG...]';

/** Verbs of docker that punnet knows and does not have yet. */
const NOT_YET = new Set([
  ...['buildx', 'commit', 'compose', 'config', 'context', 'cp', 'diff', 'events', 'exec', 'export'],
  ...[
    'history',
    'import',
    'load',
    'login',
    'logout',
    'manifest',
    'network',
    'node',
    'pause',
    'plugin',
    'prune',
    'push',
  ],
  ...['save', 'search', 'secret', 'service', 'stack', 'stats', 'swarm', 'top', 'trust', 'unpause', 'update', 'volume'],
]);

/** @throws Exit and whatever the verb throws */
export async function dispatch(words: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const parsed = parse(words, { flags: globalFlags, interspersed: false }, { path: 'punnet', line: ROOT });
  const [first, ...rest] = parsed.positional;
  if (parsed.flags.changed('config')) env.DOCKER_CONFIG = parsed.flags.text('config');
  const context = contextFor(parsed, env);
  if (parsed.help) return showMainHelp(context, 1);
  if (parsed.flags.on('version')) return context.out.line(`Punnet version ${manifest.version}`);
  if (first === undefined) return showMainHelp(context, 2);
  if (first === 'help') return help(context, rest);
  if (first === '__complete')
    return (await import('./complete.ts')).complete(context, rest[0] === '--' ? rest.slice(1) : rest);
  const group = groups.find(({ name }) => name === first);
  if (group) return inGroup(context, group, rest);
  const verb = verbs.find(({ name }) => name === first);
  if (!verb) throw await unknownVerb(first);
  await runVerb(context, { verb, path: `punnet ${first}`, words: rest });
}

function contextFor({ flags }: Parsed, env: NodeJS.ProcessEnv): Context {
  const hosts = flags.all('host');
  if (hosts.length > 1) throw new Error('Specify only one -H');
  const host = hosts[0];
  if (host !== undefined && !host.startsWith('unix://')) {
    throw new Error(`unable to resolve host ${JSON.stringify(host)}: punnet speaks over unix sockets, unix://PATH`);
  }
  if (host !== undefined) return new Context(host.slice('unix://'.length), { env, start: false });
  const { run, socket } = locations(env);
  if (dirname(socket) === run) refuseForeign(run);
  return new Context(socket, { env, start: true });
}

async function inGroup(context: Context, group: Group, words: string[]): Promise<void> {
  const path = `punnet ${group.name}`;
  const parsed = parse(words, { flags: [], interspersed: false }, { path, line: path });
  const [name, ...rest] = parsed.positional;
  if (parsed.help || name === undefined) {
    const { groupHelp } = await import('./help.ts');
    return (parsed.help ? context.out : context.err).write(groupHelp(group));
  }
  const verb = verbOf(group, name);
  if (!verb) {
    const known = NOT_YET.has(name) ? `'${path} ${name}' is not supported yet` : `unknown command: ${path} ${name}`;
    throw new Exit(1, `punnet: ${known}\n\nUsage:  ${path}\n\nRun '${path} --help' for more information`);
  }
  await runVerb(context, { verb, path: `${path} ${name}`, words: rest });
}

function verbOf(group: Group, name: string): Verb | undefined {
  return group.verbs.find((verb) => verb.name === name || verb.also?.includes(name));
}

interface Named {
  verb: Verb;
  /** `punnet container ls` */
  path: string;
}

async function runVerb(context: Context, { verb, path, words }: Named & { words: string[] }): Promise<void> {
  const module = await verb.load();
  const line = `${path} ${verb.usage}`.trimEnd();
  const rules = { flags: module.flags, interspersed: verb.interspersed !== false };
  const parsed = parse(words, rules, { path, line });
  if (parsed.help || parsed.flags.on('help')) return showVerbHelp(context, { verb, path }, module);
  for (const notice of parsed.notices) context.err.line(notice);
  checkCount(parsed.positional.length, { verb, path, line });
  const calledAs = path.slice('punnet '.length);
  await module.run(context, { flags: parsed.flags, positional: parsed.positional, calledAs });
}

function parse(words: string[], rules: ParseRules, { path, line }: { path: string; line: string }): Parsed {
  try {
    return parseFlags(words, rules);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new Exit(125, `${error.message}\n\nUsage:  ${line}\n\nRun '${path} --help' for more information`);
  }
}

function checkCount(count: number, { verb: { least, most }, path, line }: Named & { line: string }): void {
  if (count >= least && (most === undefined || count <= most)) return;
  const plural = (number: number) => `${number} argument${number === 1 ? '' : 's'}`;
  let problem: string;
  let see = 'Run';
  if (most === 0) problem = 'accepts no arguments';
  else if (least === most) problem = `requires ${plural(least)}`;
  else if (most === undefined) {
    problem = `requires at least ${plural(least)}`;
    see = 'See';
  } else if (least === 0) problem = `requires at most ${plural(most)}`;
  else problem = `requires at least ${least} and at most ${plural(most)}`;
  throw new Exit(1, `punnet: '${path}' ${problem}\n\nUsage:  ${line}\n\n${see} '${path} --help' for more information`);
}

async function unknownVerb(name: string): Promise<Exit> {
  const { nearest } = await import('./suggest.ts');
  const close = NOT_YET.has(name)
    ? undefined
    : nearest(
        name,
        [...verbs, ...groups].map((each) => each.name),
      );
  const what = NOT_YET.has(name) ? `'punnet ${name}' is not supported yet` : `unknown command: punnet ${name}`;
  const hint = close === undefined ? '' : `\n\nDid you mean 'punnet ${close}'?`;
  return new Exit(1, `punnet: ${what}${hint}\n\nRun 'punnet --help' for more information`);
}

async function help(context: Context, [first, second]: string[]): Promise<void> {
  if (first === undefined) return showMainHelp(context, 1);
  const group = groups.find(({ name }) => name === first);
  if (group && second === undefined) {
    const { groupHelp } = await import('./help.ts');
    return context.out.write(groupHelp(group));
  }
  const verb = group ? verbOf(group, second!) : verbs.find(({ name }) => name === first);
  const path = ['punnet', first, ...(group ? [second] : [])].join(' ');
  if (!verb) throw new Error(`unknown help topic: ${path.slice('punnet '.length)}`);
  await showVerbHelp(context, { verb, path }, await verb.load());
}

async function showVerbHelp(context: Context, { verb, path }: Named, module: VerbModule): Promise<void> {
  const { verbHelp } = await import('./help.ts');
  context.out.write(verbHelp(path, verb, module, columnsOf(context)));
}

async function showMainHelp(context: Context, fd: 1 | 2): Promise<void> {
  const { mainHelp } = await import('./help.ts');
  const text = mainHelp({ verbs, groups, flags: globalFlags, columns: columnsOf(context) });
  (fd === 1 ? context.out : context.err).write(text);
}

function columnsOf(context: Context): number {
  return context.out.size().columns || 80;
}
