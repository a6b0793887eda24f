// Reads one file of an image (/etc/passwd) out of its layer directories, as the container will see it, without mounting them.
// Runs in the daemon, in its user and mount namespaces, as uid 0 there. overlayfs.rst.

import { closeSync, readSync } from 'node:fs';
import { invalidArgument } from '../base/errors.ts';
import { fstatat, openat2 } from '../native/addon.ts';
import { AT_EMPTY_PATH, O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, RESOLVE_BENEATH } from '../native/constants.ts';
import { raw } from './layer-path.ts';
import { resolveInStack } from './resolve-in-stack.ts';
import { openStack } from './stack.ts';

/**
 * The content of regular file `path` in the stack; undefined when there is none.
 * `dirs`: the layers' directories, top first. At most `maxBytes` are read.
 * @throws invalidArgument when the file is larger than `maxBytes`, or links lead in a circle.
 */
export function readInStack(dirs: string[], path: string, maxBytes: number): Buffer | undefined {
  const open: number[] = [];
  try {
    const { node, parts } = resolveInStack(openStack(dirs, open), binary(path), { open });
    return node?.kind === 'file' ? readFile(node.at, parts.at(-1)!, { path, maxBytes }) : undefined;
  } finally {
    for (const fd of open) closeSync(fd);
  }
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
