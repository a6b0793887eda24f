// The help texts, laid out as docker's (spf13/cobra, pflag's FlagUsagesWrapped). Pure; runs in the CLI.

import type { Flag } from './flag.ts';
import type { Group, Verb, VerbModule } from './verb.ts';

/** What a usage line says behind the name. */
export function useLine(path: string, verb: Verb): string {
  return verb.usage === '' ? path : `${path} ${verb.usage}`;
}

/** @param columns width of the terminal */
export function verbHelp(path: string, verb: Verb, module: VerbModule, columns: number): string {
  const parts = [`Usage:  ${useLine(path, verb)}`, verb.summary];
  if (verb.aliases) parts.push(`Aliases:\n  ${verb.aliases.map((alias) => `punnet ${alias}`).join(', ')}`);
  if (module.examples) parts.push(`Examples:\n${module.examples.map((example) => `  ${example}`).join('\n')}`);
  const options = flagUsages(module.flags, columns);
  if (options !== '') parts.push(`Options:\n${options}`);
  return `${parts.join('\n\n')}\n`;
}

export function groupHelp({ name, summary, verbs }: Group): string {
  const path = `punnet ${name}`;
  return `Usage:  ${path} COMMAND

${summary}

Commands:
${listing(verbs)}

Run '${path} COMMAND --help' for more information on a command.
`;
}

export interface MainHelp {
  verbs: Verb[];
  groups: Group[];
  flags: Flag[];
  columns: number;
}

export function mainHelp({ verbs, groups, flags, columns }: MainHelp): string {
  const common = verbs.filter((verb) => verb.common !== undefined).sort((a, b) => a.common! - b.common!);
  const others = verbs.filter((verb) => verb.common === undefined);
  return `Usage:  punnet [OPTIONS] COMMAND

A minimal rootless container runtime

Common Commands:
${listing(common, false)}

Management Commands:
${listing(groups)}

Commands:
${listing(others)}

Global Options:
${flagUsages(flags, columns)}

Run 'punnet COMMAND --help' for more information on a command.
`;
}

function listing(entries: { name: string; summary: string }[], sorted = true): string {
  const list = sorted ? entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)) : entries;
  return list.map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}`).join('\n');
}

/** The table of flags, wrapped to `columns`. */
export function flagUsages(flags: Flag[], columns: number): string {
  const shown = flags.filter((flag) => !flag.hidden).sort((a, b) => (a.name < b.name ? -1 : 1));
  const heads = shown.map(({ name, short, type }) => {
    const names = short ? `  -${short}, --${name}` : `      --${name}`;
    return type === 'bool' ? names : `${names} ${type}`;
  });
  const width = Math.max(0, ...heads.map((head) => head.length));
  return shown
    .map((flag, at) => {
      const text = flag.help + (flag.initial === undefined ? '' : ` (default ${flag.initial})`);
      return `${heads[at]!.padEnd(width)}   ${wrap(text, width + 3, columns - 1)}`.trimEnd();
    })
    .join('\n');
}

const SLOP = 5;

function wrap(text: string, indent: number, columns: number): string {
  const block = columns - indent < 24;
  const margin = ' '.repeat(block ? 16 : indent);
  const width = columns - margin.length - SLOP;
  if (width < 24 - SLOP) return text.replaceAll('\n', ' ');
  const lines: string[] = [];
  for (let rest = text; rest !== '';) {
    const cut = cutAt(rest, width);
    lines.push(...rest.slice(0, cut).split('\n'));
    rest = rest.slice(cut + 1);
  }
  return (block ? `\n${margin}` : '') + lines.join(`\n${margin}`);
}

/** Where the next line ends: at the last blank within the width; a line may be a little longer rather than leave an orphan. */
function cutAt(text: string, width: number): number {
  if (width + SLOP > text.length) return text.length;
  const head = text.slice(0, width);
  const blank = Math.max(head.lastIndexOf(' '), head.lastIndexOf('\t'), head.lastIndexOf('\n'));
  if (blank <= 0) return text.length;
  const newline = head.lastIndexOf('\n');
  return newline > 0 && newline < blank ? newline : blank;
}
