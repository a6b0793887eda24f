// Answers the completion scripts: `punnet __complete WORD…`, the last word being unfinished; one candidate per line.
// Asks the daemon for names where one listens and never starts one. Runs in the CLI, as the user.

import { Client } from '../api/client.ts';
import type { Context } from './context.ts';
import { globalFlags } from './dispatch.ts';
import type { Flag } from './flag.ts';
import type { Verb } from './verb.ts';
import { groups, verbs } from './verbs.ts';

export async function complete(context: Context, words: string[]): Promise<void> {
  const typed = words.at(-1) ?? '';
  const candidates = await candidatesFor(context, words.slice(0, -1), typed);
  const fitting = [...new Set(candidates)].filter((candidate) => candidate.startsWith(typed)).sort();
  if (fitting.length > 0) context.out.line(fitting.join('\n'));
}

async function candidatesFor(context: Context, before: string[], typed: string): Promise<string[]> {
  const [first, ...rest] = before;
  if (first === undefined) {
    if (typed.startsWith('-')) return spellings(globalFlags);
    return [...verbs, ...groups].map(({ name }) => name);
  }
  const group = groups.find(({ name }) => name === first);
  if (group && rest.length === 0) return group.verbs.map(({ name }) => name);
  const verb = group
    ? group.verbs.find(({ name, also }) => name === rest[0] || also?.includes(rest[0]!))
    : verbs.find(({ name }) => name === first);
  return verb ? ofVerb(context, { verb, before: group ? rest.slice(1) : rest, typed }) : [];
}

interface Place {
  verb: Verb;
  before: string[];
  typed: string;
}

async function ofVerb(context: Context, { verb, before, typed }: Place): Promise<string[]> {
  const { flags } = await verb.load();
  const last = before.at(-1) ?? '';
  const open = flags.find((flag) => flag.type !== 'bool' && (last === `--${flag.name}` || last === `-${flag.short}`));
  if (open) return open.choices ?? [];
  if (typed.startsWith('-')) return spellings(flags);
  if (verb.name === 'completion') return ['bash', 'zsh', 'fish'];
  return namesOf(context, verb.completes);
}

function spellings(flags: Flag[]): string[] {
  return ['--help', ...flags.filter((flag) => !flag.hidden).map((flag) => `--${flag.name}`)];
}

async function namesOf(context: Context, what: Verb['completes']): Promise<string[]> {
  const client = new Client(context.socketPath);
  try {
    if (what === 'image') {
      const images = await client.call<{ RepoTags?: string[] | null }[]>('GET', '/images/json');
      return images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => !tag.includes('<none>'));
    }
    if (what === 'network') {
      return (await client.call<{ Name: string }[]>('GET', '/networks')).map(({ Name }) => Name);
    }
    if (what === undefined) return [];
    const containers = await client.call<{ Names: string[] }[]>('GET', '/containers/json', {
      query: { all: what === 'container' },
    });
    return containers.flatMap(({ Names }) => Names.map((name) => name.slice(1)));
  } catch {
    // Completion never complains: without a daemon there are no names.
    return [];
  }
}
