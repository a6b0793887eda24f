// One daemon per data directory. The lock is a flock(2) on <root>/lock, which the kernel gives back when its holder dies;
// its text says who holds it. Runs in the daemon, inside the namespaces, as uid 0 there.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, errnoOf, PunnetError, unavailable } from '../base/errors.ts';
import { flock } from '../native/addon.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes the data directory `root` until `release` or death.
 * @throws conflict naming the daemon that has it
 */
export function lockRoot(root: string, holder: { pid: number; socket: string }): { release(): void } {
  const path = join(root, 'lock');
  let fd: number;
  try {
    fd = openSync(path, 'a+', 0o600);
  } catch (error) {
    throw unavailable(`open ${path}: ${errnoOf(error)}`, { cause: error, fix: `make ${root} writable` });
  }
  try {
    flock(fd, LOCK_EX | LOCK_NB);
    ftruncateSync(fd);
    writeSync(fd, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    closeSync(fd);
    if (errnoOf(error) !== 'EAGAIN' && errnoOf(error) !== 'EWOULDBLOCK') throw error;
    throw ownedBy(root, path);
  }
  return { release: () => closeSync(fd) };
}

function ownedBy(root: string, path: string): PunnetError {
  let who = 'another punnetd';
  let fix = 'punnet system stop, or give this one another data directory: PUNNET_ROOT=DIR';
  try {
    const { pid, socket } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; socket: string };
    who = `punnetd (pid ${pid}, listening on ${socket})`;
    fix = `use it: PUNNET_HOST=unix://${socket}, or give this one another data directory: PUNNET_ROOT=DIR`;
  } catch {
    // written a moment from now: the lock alone says enough
  }
  return conflict(`data directory ${root} is in use by ${who}`, { fix });
}
