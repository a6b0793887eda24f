// Where the daemon's programs lie for whoever runs it. The mapped root of an environment that root started is nobody to
// the host, so a checkout in /root is closed to it: then dist/ and the native part are copied beside the data directory
// (beside, because what root writes must not lie where the mapped root could plant links). Runs in the launcher, outside,
// as root. Copies are named by what they copy, so an upgrade never changes a running one.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { unavailable } from '../base/errors.ts';

export interface Programs {
  node: string;
  /** directory with punnetd.cjs */
  dist: string;
  /** directory with punnet.node and punnet-shim */
  native: string;
}

/** The programs of this checkout where every user can read them; else readable copies below `into`, a directory of root's. */
export function programsFor(checkout: Programs, into: string): Programs {
  if ([checkout.node, checkout.dist, checkout.native].every(openToAll)) return checkout;
  const files = [
    checkout.node,
    ...listFiles(checkout.dist),
    ...['punnet.node', 'punnet-shim'].map((name) => join(checkout.native, name)),
  ];
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file} ${statSync(file).mtimeMs} ${statSync(file).size}\n`);
  ownedByRoot(into);
  const target = join(into, hash.digest('hex').slice(0, 16));
  const copy = { node: join(target, 'node'), dist: join(target, 'dist'), native: join(target, 'native') };
  if (openToAll(checkout.node)) copy.node = checkout.node;
  if (existsSync(target)) return copy;

  const fresh = `${target}.${process.pid}.tmp`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(join(fresh, 'native'), { recursive: true });
  if (copy.node !== checkout.node) cpSync(checkout.node, join(fresh, 'node'), { dereference: true });
  cpSync(checkout.dist, join(fresh, 'dist'), { recursive: true, dereference: true });
  for (const name of ['punnet.node', 'punnet-shim']) cpSync(join(checkout.native, name), join(fresh, 'native', name));
  openUp(fresh);
  renameSync(fresh, target);
  return copy;
}

/** Whether every user can pass all directories above `path` and read it, and run it or everything in it. */
export function openToAll(path: string): boolean {
  if (!readableByAll(path) || !(statSync(path).mode & 0o001)) return false;
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (!(statSync(parent).mode & 0o001)) return false;
    if (parent === '/') return true;
  }
}

function readableByAll(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat !== undefined && (stat.mode & 0o004) !== 0;
  return (stat.mode & 0o005) === 0o005 && readdirSync(path).every((name) => readableByAll(join(path, name)));
}

function ownedByRoot(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const found = lstatSync(directory);
  if (found.isDirectory() && found.uid === 0 && !(found.mode & 0o022)) return;
  throw unavailable(`${directory}: not a directory that only root writes to`, { fix: `rm -r ${directory}` });
}

function openUp(path: string): void {
  const stat = statSync(path);
  chmodSync(path, stat.mode | (stat.isDirectory() || stat.mode & 0o100 ? 0o555 : 0o444));
  if (stat.isDirectory()) for (const name of readdirSync(path)) openUp(join(path, name));
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
