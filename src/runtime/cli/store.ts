// The state of containers on disk: ROOT/<id>/state.json says who a container is, config.json beside it how it was made, `start`
// is the FIFO that its first process waits on. Whoever changes a container holds a lock on its directory, which the kernel
// gives back when that process ends, however it ends. flock(2), fifo(7), runtime-spec runtime.md#state

import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../../base/atomic-file.ts';
import { conflict, errnoOf, internal, invalidArgument, messageOf, notFound } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import { flock, mknodat } from '../../native/addon.ts';
import * as k from '../../native/constants.ts';
import type { ProcessIdentity } from '../../native/process-identity.ts';
import type { V1Cgroup } from '../cgroup-v1.ts';

/** state.json */
export interface ContainerRecord {
  id: string;
  /** absolute */
  bundle: string;
  rootfs: string;
  /** RFC 3339 */
  created: string;
  /** the first process; absent until it was made */
  init?: ProcessIdentity;
  /** absolute directory in the cgroup v2 tree; absent: none of its own */
  cgroup?: string;
  /** its directories in cgroup v1, where the host keeps controllers there */
  cgroupV1?: V1Cgroup;
  /** the unit that systemd made for it */
  scope?: string;
  /** who made it, as list shows */
  owner: number;
}

/** A container's directory, with the lock held. */
export interface Held {
  directory: string;
  release(): void;
}

export const directoryOf = (root: string, id: string) => join(root, checkId(id));
export const fifoOf = (root: string, id: string) => join(directoryOf(root, id), 'start');

/** @throws invalidArgument with runc's text */
function checkId(id: string): string {
  if (id === '') throw invalidArgument('container id cannot be empty');
  if (!/^[\w+.-]+$/.test(id) || id === '.' || id === '..')
    throw invalidArgument(`invalid container ID format: ${JSON.stringify(id)}`);
  return id;
}

const missing = (id: string) => notFound(`container ${JSON.stringify(id)} does not exist`);

/**
 * Makes a container's directory. One that a crash left behind before the container had a record is taken over.
 * @throws conflict with runc's text when there is a container of this id
 */
export function reserve(root: string, id: string): Held {
  const directory = directoryOf(root, id);
  mkdirSync(root, { recursive: true, mode: 0o711 });
  for (;;) {
    try {
      mkdirSync(directory, { mode: 0o711 });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw internal(`make ${directory}: ${messageOf(error)}`, { cause: error });
    }
    const held = tryLock(directory, k.LOCK_EX | k.LOCK_NB);
    if (held === 'gone') continue;
    if (held !== 'busy' && readRecord(root, id) === undefined) return held;
    if (held !== 'busy') held.release();
    throw conflict('container with given ID already exists');
  }
}

/** Waits for the lock of a container. @throws notFound when there is none, or no longer */
export function hold(root: string, id: string): Held {
  const held = tryLock(directoryOf(root, id), k.LOCK_EX);
  if (held === 'gone' || held === 'busy') throw missing(id);
  return held;
}

/* A directory that was removed while we waited is another one than what its name leads to now. */
function tryLock(directory: string, operation: number): Held | 'busy' | 'gone' {
  let fd: number;
  try {
    fd = openSync(directory, k.O_RDONLY | k.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    flock(fd, operation);
    if (statSync(directory, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) {
      return { directory, release: () => closeSync(fd) };
    }
    closeSync(fd);
    return 'gone';
  } catch (error) {
    closeSync(fd);
    if (errnoOf(error) === 'EAGAIN') return 'busy';
    throw error;
  }
}

export function writeRecord(root: string, record: ContainerRecord): void {
  writeJsonAtomic(join(directoryOf(root, record.id), 'state.json'), record);
}

/** Undefined when there is no such container. @throws internal when its file is no JSON */
export function readRecord(root: string, id: string): ContainerRecord | undefined {
  const path = join(directoryOf(root, id), 'state.json');
  return readJson<ContainerRecord>(path, `punnet-runc --root ${root} delete --force ${id}`);
}

/** @throws notFound with runc's text */
export function mustRead(root: string, id: string): ContainerRecord {
  const record = readRecord(root, id);
  if (!record) throw missing(id);
  return record;
}

/** Keeps the configuration as it is now: what is done to the bundle later does not reach the container. */
export function keepConfig(root: string, id: string, text: string): void {
  writeFileSync(join(directoryOf(root, id), 'config.json'), text, { mode: 0o600 });
}

export function readConfig(root: string, id: string): Spec {
  return JSON.parse(readFileSync(join(directoryOf(root, id), 'config.json'), 'utf8')) as Spec;
}

export function makeFifo(root: string, id: string): string {
  const path = fifoOf(root, id);
  mknodat(k.AT_FDCWD, path, k.S_IFIFO | 0o600, 0);
  return path;
}

/** The whole directory, its lock included. */
export function forget(root: string, id: string): void {
  rmSync(directoryOf(root, id), { recursive: true, force: true });
}

/** Ids of the containers of a root, in their order. */
export function containerIds(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((name) => /^[\w+.-]+$/.test(name))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
