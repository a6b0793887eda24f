// One line of a Dockerfile → a typed instruction, with Docker's texts for what is wrong. Pure. Runs in the daemon, and in the
// CLI for `lint`. Dockerfile reference; buildkit: frontend/dockerfile/instructions.

import { readDuration } from '../../base/duration.ts';
import { invalidArgument } from '../../base/errors.ts';
import { InstructionFlags, type FlagKind } from './flags.ts';
import { contentOf, hereDocument } from './heredoc.ts';
import type { Add, CommandLine, Copy, From, Healthcheck, Instruction, Run, Transfer } from './instruction.ts';
import type { Line } from './lines.ts';
import { parseMount } from './run-mount.ts';
import { jsonList, splitBlanks, splitInstruction, splitPairs, splitWords } from './words.ts';

export const KEYWORDS = [
  ...['ADD', 'ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'MAINTAINER'],
  ...['ONBUILD', 'RUN', 'SHELL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
] as const;

interface Input {
  line: Line;
  escape: string;
}

type Parsed = Instruction | From;
type WithoutPlace<T> = T extends unknown ? Omit<T, 'text' | 'start' | 'end'> : never;

/** @throws invalidArgument with Docker's text, without a line number */
export function parseInstruction(line: Line, escape: string): Parsed {
  const parser = PARSERS[line.keyword.toUpperCase()];
  if (!parser) throw invalidArgument(`unknown instruction: ${line.keyword}${hint(line.keyword)}`);
  const place = { text: line.text.trim(), start: line.start, end: line.end };
  return { ...parser({ line, escape }), ...place } as Parsed;
}

const PARSERS: Record<string, (input: Input) => WithoutPlace<Parsed>> = {
  ADD: parseAdd,
  ARG: parseArg,
  CMD: ({ line }) => ({ name: 'CMD', command: command(line, {}) }),
  COPY: parseCopy,
  ENTRYPOINT: ({ line }) => ({ name: 'ENTRYPOINT', command: command(line, {}) }),
  ENV: ({ line, escape }) => ({ name: 'ENV', pairs: pairs(line, escape) }),
  EXPOSE: ({ line }) => ({ name: 'EXPOSE', ports: atLeastOne(line, splitBlanks(line.rest)).sort() }),
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: ({ line, escape }) => ({ name: 'LABEL', pairs: pairs(line, escape) }),
  MAINTAINER: ({ line }) => ({ name: 'MAINTAINER', maintainer: exactlyOne(line) }),
  ONBUILD: parseOnBuild,
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: ({ line }) => ({ name: 'STOPSIGNAL', signal: exactlyOne(line) }),
  USER: ({ line }) => ({ name: 'USER', user: exactlyOne(line) }),
  VOLUME: parseVolume,
  WORKDIR: ({ line }) => ({ name: 'WORKDIR', path: exactlyOne(line) }),
};

/** ` (did you mean RUN?)` for what is one or two letters from a keyword. */
function hint(keyword: string): string {
  const near = KEYWORDS.find((known) => distance(known, keyword.toUpperCase()) <= (known.length > 3 ? 2 : 1));
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

/** Levenshtein's; words of very different length are far apart. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = [...b, ''].map((_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}

const NO_FLAGS: Record<string, FlagKind> = {};

function flagsOf(line: Line, known: Record<string, FlagKind> = NO_FLAGS): InstructionFlags {
  return new InstructionFlags(line.flags, known);
}

function exactlyOne(line: Line): string {
  flagsOf(line);
  if (line.rest === '') throw invalidArgument(`${line.keyword.toUpperCase()} requires exactly one argument`);
  return line.rest;
}

function atLeastOne<T>(line: Line, list: T[]): T[] {
  flagsOf(line);
  if (list.length === 0) throw invalidArgument(`${line.keyword.toUpperCase()} requires at least one argument`);
  return list;
}

function pairs(line: Line, escape: string) {
  flagsOf(line);
  return splitPairs(line.rest, line.keyword.toUpperCase(), escape);
}

function command(line: Line, known: Record<string, FlagKind>): CommandLine {
  flagsOf(line, known);
  const words = jsonList(line.rest);
  const { hereDocuments } = line;
  if (words) return { words, shell: false, hereDocuments };
  return { words: line.rest === '' ? [] : [line.rest], shell: true, hereDocuments };
}

function listOrBlanks(line: Line): string[] {
  return jsonList(line.rest) ?? splitBlanks(line.rest);
}

function parseArg({ line, escape }: Input): WithoutPlace<Instruction> {
  const words = atLeastOne(line, splitWords(line.rest, escape));
  const args = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw invalidArgument('ARG names can not be blank');
    return equals < 0 ? { name: word } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { name: 'ARG', args };
}

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

function parseFrom({ line }: Input): WithoutPlace<From> {
  const flags = flagsOf(line, { platform: 'text' });
  const words = splitBlanks(line.rest);
  const platform = flags.text('platform');
  const from = { name: 'FROM' as const, base: words[0] ?? '', ...(platform && { platform }) };
  if (words.length === 1) return from;
  if (words.length !== 3 || words[1]!.toLowerCase() !== 'as') {
    throw invalidArgument('FROM requires either one or three arguments');
  }
  const as = words[2]!.toLowerCase();
  if (!STAGE_NAME.test(as)) {
    throw invalidArgument(
      `invalid name for build stage: ${JSON.stringify(words[2])}, name can't start with a number or contain symbols`,
    );
  }
  return { ...from, as };
}

const TRANSFER_FLAGS: Record<string, FlagKind> = { chown: 'text', chmod: 'text', link: 'bool', exclude: 'list' };

function parseCopy({ line }: Input): WithoutPlace<Copy> {
  const flags = flagsOf(line, { ...TRANSFER_FLAGS, from: 'text', parents: 'bool' });
  const from = flags.text('from');
  return { name: 'COPY', ...transfer(line, flags), ...(from && { from }) };
}

function parseAdd({ line }: Input): WithoutPlace<Add> {
  const known: Record<string, FlagKind> = { 'keep-git-dir': 'bool', checksum: 'text', unpack: 'bool' };
  const flags = flagsOf(line, { ...TRANSFER_FLAGS, ...known });
  const checksum = flags.text('checksum');
  const unpack = flags.bool('unpack');
  return {
    name: 'ADD',
    ...transfer(line, flags),
    keepGitDirectory: flags.bool('keep-git-dir') ?? false,
    ...(checksum && { checksum }),
    ...(unpack !== undefined && { unpack }),
  };
}

function transfer(line: Line, flags: InstructionFlags): Transfer {
  const keyword = line.keyword.toUpperCase();
  const words = listOrBlanks(line);
  if (words.length < 2) {
    throw invalidArgument(
      `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  const destination = words.at(-1)!;
  if (hereDocument(destination)) throw invalidArgument(`${keyword} cannot accept a heredoc as a destination`);
  const sources: string[] = [];
  const documents = [];
  for (const word of words.slice(0, -1)) {
    const begun = hereDocument(word);
    if (!begun) {
      sources.push(word);
      continue;
    }
    const whole = line.hereDocuments.find(({ name }) => name === begun.name) ?? begun;
    documents.push({ ...whole, content: contentOf(whole) });
  }
  const chown = flags.text('chown');
  const chmod = flags.text('chmod');
  return {
    sources,
    documents,
    destination,
    ...(chown && { chown }),
    ...(chmod && { chmod }),
    link: flags.bool('link') ?? false,
    parents: flags.bool('parents') ?? false,
    exclude: flags.list('exclude'),
  };
}

function parseRun({ line }: Input): WithoutPlace<Run> {
  const known: Record<string, FlagKind> = { mount: 'list', network: 'text', security: 'text' };
  const flags = flagsOf(line, known);
  const mounts = flags.list('mount');
  // What can be checked before variables are known.
  for (const mount of mounts) parseMount(mount);
  const network = oneOf(flags.text('network') ?? 'default', ['default', 'none', 'host'] as const, (value) =>
    invalidArgument(`invalid network mode ${JSON.stringify(value)}`),
  );
  const security = oneOf(flags.text('security') ?? 'sandbox', ['sandbox', 'insecure'] as const, (value) =>
    invalidArgument(`security ${JSON.stringify(value)} is not valid`),
  );
  return { name: 'RUN', command: command(line, known), mounts, network, security };
}

function oneOf<T extends string>(value: string, known: readonly T[], wrong: (value: string) => Error): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw wrong(value);
  return found;
}

function parseShell({ line }: Input): WithoutPlace<Instruction> {
  flagsOf(line);
  const shell = jsonList(line.rest);
  if (line.rest === '' || shell?.length === 0) throw invalidArgument('SHELL requires at least one argument');
  if (!shell) throw invalidArgument(`SHELL requires the arguments to be in JSON form: ${line.text.trim()}`);
  return { name: 'SHELL', shell };
}

function parseVolume({ line }: Input): WithoutPlace<Instruction> {
  const volumes = atLeastOne(line, listOrBlanks(line)).map((volume) => volume.trim());
  if (volumes.includes('')) throw invalidArgument('VOLUME specified can not be an empty string');
  return { name: 'VOLUME', volumes };
}

function parseOnBuild({ line, escape }: Input): WithoutPlace<Instruction> {
  if (line.rest === '') throw invalidArgument('ONBUILD requires at least one argument');
  flagsOf(line);
  const inner = splitInstruction(line.rest, escape);
  const keyword = inner.keyword.toUpperCase();
  if (keyword === 'ONBUILD') throw invalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (keyword === 'MAINTAINER' || keyword === 'FROM') {
    throw invalidArgument(`${keyword} isn't allowed as an ONBUILD trigger`);
  }
  parseInstruction({ ...line, ...inner, text: line.rest }, escape);
  const documents = line.hereDocuments.map(({ content, name }) => `\n${content}${name}`);
  return { name: 'ONBUILD', trigger: line.rest + documents.join('') };
}

const HEALTH_FLAGS: Record<string, FlagKind> = {
  interval: 'text',
  timeout: 'text',
  'start-period': 'text',
  'start-interval': 'text',
  retries: 'text',
};

function parseHealthcheck({ line }: Input): WithoutPlace<Instruction> {
  const [, type = '', rest = ''] = /^(\S*)\s*([^]*)$/.exec(line.rest)!;
  if (type === '') throw invalidArgument('HEALTHCHECK requires at least one argument');
  const kind = type.toUpperCase();
  if (kind === 'NONE') {
    if (rest !== '') throw invalidArgument('HEALTHCHECK NONE takes no arguments');
    return { name: 'HEALTHCHECK', health: { Test: ['NONE'] } };
  }
  const flags = flagsOf(line, HEALTH_FLAGS);
  if (kind !== 'CMD') throw invalidArgument(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  const words = jsonList(rest);
  if (words ? words.length === 0 : rest === '') throw invalidArgument('Missing command after HEALTHCHECK CMD');
  const health: Healthcheck = { Test: words ? ['CMD', ...words] : ['CMD-SHELL', rest] };
  const times = {
    Interval: 'interval',
    Timeout: 'timeout',
    StartPeriod: 'start-period',
    StartInterval: 'start-interval',
  };
  for (const [field, flag] of Object.entries(times)) {
    const value = interval(flag, flags.text(flag));
    if (value) health[field as keyof typeof times] = value;
  }
  const retries = flags.text('retries');
  if (retries !== undefined) {
    if (!/^[+-]?\d+$/.test(retries)) {
      throw invalidArgument(`strconv.ParseInt: parsing ${JSON.stringify(retries)}: invalid syntax`);
    }
    if (Number(retries) < 0) throw invalidArgument(`--retries cannot be negative (${Number(retries)})`);
    if (Number(retries) > 0) health.Retries = Number(retries);
  }
  return { name: 'HEALTHCHECK', health };
}

/** Nanoseconds. */
function interval(flag: string, text: string | undefined): number {
  if (!text) return 0;
  const value = readDuration(text);
  if (value !== 0 && value < 1e6) throw invalidArgument(`Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  return value;
}
