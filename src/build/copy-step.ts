// COPY and ADD as steps: where the files come from, what the cache knows them by, how they get into the image.
// Runs in the daemon. moby: daemon/builder/dockerfile/dispatchers.go (dispatchCopy, dispatchAdd)

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { digestOf, type Digest } from '../base/digest.ts';
import { invalidArgument } from '../base/errors.ts';
import { MergedTree } from '../snapshot/merged-tree.ts';
import type { Add, Copy } from './dockerfile/instruction.ts';
import { download, isGit, isUrl } from './files/download.ts';
import { isArchive, unpackArchive } from './files/archive.ts';
import { parseMode } from './files/chmod.ts';
import { parseOwner } from './files/chown.ts';
import { cloneRepository } from './files/git.ts';
import { binary, digestSource, findSources, type Source } from './files/sources.ts';
import { transfer } from './files/transfer.ts';
import { nop } from './image-state.ts';
import { inSlices } from './slices.ts';
import type { LayerStep, OpenSource, StageWork } from './stage.ts';

const ROOT = { uid: 0, gid: 0 };

/** @throws invalidArgument with Docker's texts for what is not there */
export async function copyStep(work: StageWork, instruction: Copy | Add): Promise<LayerStep> {
  const opened: OpenSource[] = [];
  const close = () => opened.splice(0).forEach((source) => source.close());
  try {
    const sources = await sourcesOf(work, instruction, opened);
    if (sources.length > 1 && !instruction.destination.endsWith('/') && !instruction.parents) {
      throw invalidArgument(
        `When using ${instruction.name} with more than one source file, the destination must be a directory and end with a /`,
      );
    }
    const preserves = instruction.name === 'COPY' && instruction.from !== undefined && !instruction.chown;
    const digests = [];
    for (const source of sources) {
      digests.push(await inSlices(digestSource(source, { owners: preserves }), work.signal));
    }
    const files = digestOf(JSON.stringify(digests.map(({ digest }) => digest)));
    const hash = hashText(sources, digests);
    const { config } = work.state;
    const chown = instruction.chown === undefined ? '' : `--chown=${instruction.chown} `;
    return {
      createdBy: nop(work.state, `${instruction.name} ${chown}${hash} in ${instruction.destination} `, true),
      ingredients: { instruction: canonical(instruction), files, 'working directory': config.WorkingDir ?? '/' },
      files: Object.assign({}, ...digests.map((digest) => digest.files)) as Record<string, Digest>,
      ...(instruction.link && { alone: true }),
      make: () => make(work, { instruction, sources, preserves }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** `file:hex`, `dir:hex` or `multi:hex`, as history tells it. */
function hashText(sources: Source[], digests: { digest: Digest }[]): string {
  const hex = (digest: Digest) => digest.slice('sha256:'.length);
  if (digests.length === 1) return `${sources[0]!.directory ? 'dir' : 'file'}:${hex(digests[0]!.digest)}`;
  return `multi:${hex(digestOf(digests.map(({ digest }) => digest).join(',')))}`;
}

/** The instruction as it is after its variables were replaced. */
function canonical(instruction: Copy | Add): string {
  const { name, sources, documents, destination, chown, chmod, link, parents, exclude } = instruction;
  const flags = [
    instruction.name === 'COPY' && instruction.from !== undefined && `--from=${instruction.from}`,
    chown !== undefined && `--chown=${chown}`,
    chmod !== undefined && `--chmod=${chmod}`,
    link && '--link',
    parents && '--parents',
    instruction.name === 'ADD' && instruction.unpack !== undefined && `--unpack=${instruction.unpack}`,
    instruction.name === 'ADD' && instruction.keepGitDirectory && '--keep-git-dir',
    ...exclude.map((pattern) => `--exclude=${pattern}`),
  ];
  const words = [...sources, ...documents.map((document) => `<<${document.name}`), destination];
  return [name, ...flags.filter(Boolean), ...words].join(' ');
}

async function sourcesOf(work: StageWork, instruction: Copy | Add, opened: OpenSource[]): Promise<Source[]> {
  const keep = (source: OpenSource) => (opened.push(source), source);
  const sources: Source[] = [];
  const local: string[] = [];
  for (const word of instruction.sources) {
    if (instruction.name === 'ADD' && isGit(word)) sources.push(await fromGit(work, instruction, { word, keep }));
    else if (!isUrl(word)) local.push(word);
    else if (instruction.name === 'COPY') throw invalidArgument(`COPY failed: source can't be a URL for COPY`);
    else sources.push(await fromUrl(work, instruction, { word, keep }));
  }
  if (local.length > 0) {
    const from = keep(
      instruction.name === 'COPY' && instruction.from !== undefined
        ? await work.open(instruction.from)
        : work.context(),
    );
    sources.push(...findSources(local, { from, keyword: instruction.name, exclude: instruction.exclude }));
  }
  if (instruction.documents.length > 0) sources.push(...fromDocuments(work, instruction, keep));
  return sources;
}

type Keep = (source: OpenSource) => OpenSource;

/** Files whose content stands in the Dockerfile. */
function fromDocuments(work: StageWork, { documents }: Copy | Add, keep: Keep): Source[] {
  const directory = work.scratch();
  for (const { name, content } of documents) {
    if (name.includes('/')) throw invalidArgument(`here-document ${name}: its name cannot hold a slash`);
    writeFileSync(join(directory, name), content);
    chmodSync(join(directory, name), 0o644);
  }
  const from = keep(openDirectory(directory));
  return documents.map(({ name }) => single(from, name));
}

async function fromUrl(
  work: StageWork,
  { checksum, destination }: Add,
  { word, keep }: { word: string; keep: Keep },
): Promise<Source> {
  const directory = work.scratch();
  const name = await download(word, { directory, checksum, signal: work.signal });
  if (name === undefined && destination.endsWith('/')) {
    throw invalidArgument(`ADD failed: cannot determine filename for source ${word}`);
  }
  return { ...single(keep(openDirectory(directory)), name ?? '__unnamed__'), downloaded: true };
}

async function fromGit(
  work: StageWork,
  { keepGitDirectory }: Add,
  { word, keep }: { word: string; keep: Keep },
): Promise<Source> {
  const directory = join(work.scratch(), 'repository');
  mkdirSync(directory);
  const subdirectory = await cloneRepository(word, { directory, keepGitDirectory, signal: work.signal });
  const from = keep(openDirectory(directory));
  return { from, path: binary(subdirectory), skip: 0, directory: true, exclude: undefined, downloaded: true };
}

function single(from: OpenSource, name: string): Source {
  return { from, path: binary(name), skip: 0, directory: false, exclude: undefined, downloaded: false };
}

function openDirectory(directory: string): OpenSource {
  const tree = new MergedTree([directory]);
  return { tree, context: false, close: () => tree.close() };
}

async function make(
  work: StageWork,
  { instruction, sources, preserves }: { instruction: Copy | Add; sources: Source[]; preserves: boolean },
) {
  const { layers, config } = work.state;
  const { chown, chmod, parents } = instruction;
  const owner = chown === undefined ? (preserves ? undefined : ROOT) : parseOwner(chown, work.directories(layers));
  const mode = chmod === undefined ? undefined : parseMode(chmod);
  const destination = binary(absolute(config.WorkingDir ?? '/', instruction.destination));
  const workspace = await work.workspace(instruction.link ? [] : layers);
  try {
    const writer = workspace.writer();
    try {
      for (const source of sources) {
        if (instruction.name === 'ADD' && (await unpacks(instruction, source))) {
          await unpackArchive(writer, source, { destination, owner: chown === undefined ? undefined : owner });
        } else await inSlices(transfer(writer, source, { destination, owner, mode, parents }), work.signal);
      }
      writer.finish();
    } finally {
      writer.close();
    }
    return await workspace.seal({ latest: work.latest });
  } finally {
    await workspace.discard();
  }
}

/** Local archives are unpacked and downloaded ones are not, unless --unpack says otherwise. */
async function unpacks({ unpack }: Add, source: Source): Promise<boolean> {
  return (unpack ?? !source.downloaded) && isArchive(source);
}

/** Relative to the working directory; a trailing slash stays. */
function absolute(workingDirectory: string, destination: string): string {
  if (destination.startsWith('/')) return destination;
  const joined = posix.join('/', workingDirectory, destination);
  return destination.endsWith('/') && !joined.endsWith('/') ? `${joined}/` : joined;
}
