// Replaces the variables of one instruction, in those of its words that take them. Pure. Runs in the daemon.
// Dockerfile reference, "Environment replacement".

import { expandWord, expandWords } from './dockerfile/expand.ts';
import type { Instruction, Pair, Transfer } from './dockerfile/instruction.ts';

export interface Variables {
  escape: string;
  value(name: string): string | undefined;
}

/** @throws invalidArgument `failed to process "…": …` */
export function expandInstruction(instruction: Instruction, variables: Variables): Instruction {
  const word = (text: string) => expandWord(text, variables);
  switch (instruction.name) {
    case 'ENV':
    case 'LABEL':
      return { ...instruction, pairs: instruction.pairs.map((pair) => expandPair(pair, word)) };
    case 'ARG': {
      const args = instruction.args.map(({ name, value }) => ({
        name: word(name),
        ...(value !== undefined && { value: word(value) }),
      }));
      return { ...instruction, args };
    }
    case 'WORKDIR':
      return { ...instruction, path: word(instruction.path) };
    case 'USER':
      return { ...instruction, user: word(instruction.user) };
    case 'STOPSIGNAL':
      return { ...instruction, signal: word(instruction.signal) };
    case 'VOLUME':
      return { ...instruction, volumes: instruction.volumes.map(word) };
    case 'EXPOSE':
      // The only one where a variable may hold several words.
      return { ...instruction, ports: instruction.ports.flatMap((port) => expandWords(port, variables)) };
    case 'COPY':
      return { ...instruction, ...expandTransfer(instruction, variables) };
    case 'ADD': {
      const { checksum } = instruction;
      const expanded = { ...instruction, ...expandTransfer(instruction, variables) };
      return checksum === undefined ? expanded : { ...expanded, checksum: word(checksum) };
    }
    default:
      return instruction;
  }
}

function expandPair({ name, value, old }: Pair, word: (text: string) => string): Pair {
  return { name: word(name), value: word(value), old };
}

function expandTransfer(transfer: Transfer, variables: Variables): Transfer {
  const word = (text: string) => expandWord(text, variables);
  const { chown, chmod } = transfer;
  return {
    sources: transfer.sources.map(word),
    documents: transfer.documents.map((document) =>
      document.expand
        ? { ...document, content: expandWord(document.content, { ...variables, ignoreQuotes: true }) }
        : document,
    ),
    destination: word(transfer.destination),
    ...(chown !== undefined && { chown: word(chown) }),
    ...(chmod !== undefined && { chmod: word(chmod) }),
    link: transfer.link,
    parents: transfer.parents,
    exclude: transfer.exclude.map(word),
  };
}
