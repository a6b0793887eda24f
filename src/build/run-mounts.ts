// `RUN --mount=…` made ready: directories and files of the daemon that the container is to see, and what of them the cache must
// know. Secrets are files in the runtime directory, which is not on disk, for as long as the step runs; no key and no record
// knows what is in them. Runs in the daemon.

import { chmodSync, chownSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { invalidArgument, notFound } from '../base/errors.ts';
import { PlainDirectory } from '../snapshot/plain-directory.ts';
import { expandWord } from './dockerfile/expand.ts';
import type { Run, RunMount } from './dockerfile/instruction.ts';
import { parseMount } from './dockerfile/run-mount.ts';
import { binary, digestSource, filesOf, printable, type Source } from './files/sources.ts';
import type { Ingredients } from './cache.ts';
import type { StepMount } from './host.ts';
import type { MountStore } from './mount-store.ts';
import { inSlices } from './slices.ts';
import type { OpenSource, StageWork } from './stage.ts';

interface Ready {
  mounts: StepMount[];
  environment: string[];
}

export interface PreparedMounts {
  ingredients: Ingredients;
  files: Record<string, Digest>;
  /** Makes them, hands them on, takes them away. */
  use<T>(work: (ready: Ready) => Promise<T>): Promise<T>;
  close(): void;
}

interface Planned {
  mount: RunMount;
  source: Source | undefined;
}

/** @throws invalidArgument for a source that is not there; notFound for a secret that must be */
export async function prepareMounts(work: StageWork, run: Run, store: MountStore): Promise<PreparedMounts> {
  const { state, args, escape } = work;
  const env = new Map((state.config.Env ?? []).map((entry) => split(entry)));
  const value = (name: string) => env.get(name) ?? args.value(name);
  const opened: OpenSource[] = [];
  const close = () => opened.splice(0).forEach((source) => source.close());
  const ingredients: Ingredients = {};
  const files: Record<string, Digest> = {};
  const planned: Planned[] = [];
  try {
    for (const text of run.mounts) {
      const mount = absolute(
        parseMount(text, (word) => expandWord(word, { escape, value })),
        state.config.WorkingDir ?? '/',
      );
      const source = await sourceOf(work, mount, opened);
      if (source && mount.type === 'bind') {
        const digest = await inSlices(digestSource(source, { owners: true }), work.signal);
        ingredients[`mount ${mount.target}`] = digest.digest;
        Object.assign(files, digest.files);
      }
      planned.push({ mount, source });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { ingredients, files, close, use: (go) => use(work, { planned, store }, go) };
}

function split(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

function absolute(mount: RunMount, workingDirectory: string): RunMount {
  if (mount.target === '') return mount;
  const target = posix.resolve('/', workingDirectory, mount.target);
  if (target === '/') throw invalidArgument(`invalid mount target ${JSON.stringify(mount.target)}: it is the root`);
  return { ...mount, target };
}

async function sourceOf(work: StageWork, mount: RunMount, opened: OpenSource[]): Promise<Source | undefined> {
  if (mount.type !== 'bind' && !(mount.type === 'cache' && mount.from !== undefined)) return undefined;
  const from = mount.from === undefined ? work.context() : await work.open(mount.from);
  opened.push(from);
  const path = binary(posix.normalize(`/${mount.source}`))
    .slice(1)
    .replace(/\/$/, '');
  const found = from.tree.find(path);
  if (!found) throw invalidArgument(`failed to compute cache key: ${JSON.stringify(`/${printable(path)}`)}: not found`);
  return { from, path, skip: 0, directory: found.entry.type === 'directory', exclude: undefined, downloaded: false };
}

async function use<T>(
  work: StageWork,
  { planned, store }: { planned: Planned[]; store: MountStore },
  go: (ready: Ready) => Promise<T>,
): Promise<T> {
  const undo: (() => void)[] = [];
  const ready: Ready = { mounts: [], environment: [] };
  try {
    for (const plan of planned) await make(work, plan, { store, undo, ready });
    return await go(ready);
  } finally {
    for (const step of undo.reverse()) step();
  }
}

interface Making {
  store: MountStore;
  undo: (() => void)[];
  ready: Ready;
}

async function make(work: StageWork, { mount, source }: Planned, { store, undo, ready }: Making): Promise<void> {
  const { target, readOnly } = mount;
  switch (mount.type) {
    case 'bind': {
      const into = work.scratch();
      await materialise(source!, into);
      const name = source!.directory ? '' : 'file';
      const path = join(into, 'fs', name);
      ready.mounts.push({ kind: source!.directory ? 'directory' : 'file', source: path, target, readOnly });
      return;
    }
    case 'cache': {
      const lent = await store.lend(mount, (into) => (source ? materialise(source, into) : Promise.resolve()));
      undo.push(() => lent.giveBack());
      ready.mounts.push({ kind: 'directory', source: lent.directory, target, readOnly });
      return;
    }
    case 'tmpfs':
      ready.mounts.push({ kind: 'tmpfs', target, readOnly, ...(mount.size !== undefined && { size: mount.size }) });
      return;
    case 'secret':
      return secret(work, mount, { undo, ready });
    case 'ssh':
      return agent(work, mount, ready);
  }
}

/** Copies a source into the new directory `into`/fs; a single file is called `file`. */
async function materialise(source: Source, into: string): Promise<void> {
  const directory = new PlainDirectory(into);
  function* copy(): Generator<void, void> {
    for (const { entry, relative, read } of filesOf(source)) {
      directory.entry({ ...entry, name: source.directory ? relative : 'file' });
      if (entry.type === 'file') {
        read((chunk, offset) => directory.data(chunk, offset));
        directory.fileEnd();
      }
      yield;
    }
    directory.finish();
  }
  try {
    await inSlices(copy());
  } finally {
    directory.close();
  }
}

function secret(
  { request, secretFile }: StageWork,
  mount: Extract<RunMount, { type: 'secret' }>,
  { undo, ready }: Omit<Making, 'store'>,
): void {
  const content = request.secrets.get(mount.id);
  if (content === undefined) {
    if (!mount.required) return;
    throw notFound(`secret ${mount.id}: not found`, { fix: `punnet build --secret id=${mount.id},src=FILE` });
  }
  if (mount.env !== undefined) ready.environment.push(`${mount.env}=${Buffer.from(content).toString('utf8')}`);
  if (mount.target === '') return;
  const path = secretFile();
  undo.push(() => rmSync(path, { force: true }));
  writeFileSync(path, content, { mode: 0o400, flag: 'wx' });
  chownSync(path, mount.uid, mount.gid);
  chmodSync(path, mount.mode);
  ready.mounts.push({ kind: 'file', source: path, target: mount.target, readOnly: true });
}

function agent({ request }: StageWork, mount: Extract<RunMount, { type: 'ssh' }>, ready: Ready): void {
  const socket = request.ssh.get(mount.id);
  if (socket === undefined || !existsSync(socket)) {
    if (!mount.required) return;
    throw notFound(`ssh ${mount.id}: no agent was given`, { fix: `punnet build --ssh ${mount.id}` });
  }
  const target = mount.target || `/run/buildkit/ssh_agent.${ready.mounts.length}`;
  ready.mounts.push({ kind: 'file', source: socket, target, readOnly: false });
  ready.environment.push(`SSH_AUTH_SOCK=${target}`);
}
