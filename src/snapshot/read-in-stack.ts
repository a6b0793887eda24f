// Reads one file of an image (/etc/passwd) out of its layer directories, as the container will see it, without mounting them:
// walks the path one name at a time over the whole stack, honours whiteouts and opaque directories, and follows links
// inside the stack alone. Runs in the daemon, in its user and mount namespaces, as uid 0 there. overlayfs.rst.

import { closeSync, readSync } from 'node:fs';
import { invalidArgument } from '../base/errors.ts';
import { fstatat, openat2, readlinkat } from '../native/addon.ts';
import { AT_EMPTY_PATH, O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, RESOLVE_BENEATH } from '../native/constants.ts';
import { raw } from './layer-path.ts';
import { lookUpInStack, openStack } from './stack.ts';

const MAX_LINKS = 40;

/**
 * The content of regular file `path` in the stack; undefined when there is none.
 * `dirs`: the layers' directories, top first. At most `maxBytes` are read.
 * @throws invalidArgument when the file is larger than `maxBytes`, or links lead in a circle.
 */
export function readInStack(dirs: string[], path: string, maxBytes: number): Buffer | undefined {
  const open: number[] = [];
  try {
    return walk(dirs, path, { maxBytes, open });
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

function walk(dirs: string[], path: string, { maxBytes, open }: { maxBytes: number; open: number[] }) {
  const root = openStack(dirs, open);
  let trail: number[][] = [root];
  const rest = binary(path).split('/').reverse();
  for (let links = 0; rest.length;) {
    const name = rest.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const found = lookUpInStack(trail.at(-1)!, name, open);
    if (!found) return undefined;
    if (found.kind === 'directory') {
      trail.push(found.fds);
    } else if (found.kind === 'link') {
      if (++links > MAX_LINKS) throw invalidArgument(`read ${path} in the image: too many levels of symbolic links`);
      const target = readlinkat(found.at, raw(name)).toString('latin1');
      if (target.startsWith('/')) trail = [root];
      rest.push(...target.split('/').reverse());
    } else {
      const last = rest.every((part) => part === '' || part === '.');
      return found.kind === 'file' && last ? readFile(found.at, name, { path, maxBytes }) : undefined;
    }
  }
  return undefined;
}

function readFile(at: number, name: string, { path, maxBytes }: { path: string; maxBytes: number }): Buffer {
  const fd = openat2(at, raw(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, RESOLVE_BENEATH);
  try {
    const { size } = fstatat(fd, '', AT_EMPTY_PATH);
    if (size > maxBytes) throw invalidArgument(`read ${path} in the image: ${size} bytes, more than ${maxBytes}`);
    const content = Buffer.alloc(size);
    let filled = 0;
    for (let n = -1; filled < size && n !== 0; filled += n) n = readSync(fd, content, filled, size - filled, filled);
    return content.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

function binary(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}
