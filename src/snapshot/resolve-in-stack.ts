// Follows a path through a stack of layers, as a process in the container would: links lead nowhere but into the stack.
// Runs in the daemon, in its user and mount namespaces, as uid 0 there. path_resolution(7), overlayfs.rst.

import { invalidArgument } from '../base/errors.ts';
import { readlinkat } from '../native/addon.ts';
import { raw } from './layer-path.ts';
import { lookUpInStack, type StackNode } from './stack.ts';

const MAX_LINKS = 40;

export interface Place {
  /** the path without links, as far as something is there; binary strings */
  parts: string[];
  /** the merged directories of `parts` but the last, the root first; fewer where something is missing */
  trail: number[][];
  /** what is there; undefined: nothing */
  node: StackNode | undefined;
  /** something that is no directory stands in the way of the rest of the path */
  blocked: boolean;
}

/**
 * @param root what openStack gave
 * @param path a binary string; `..` at the root stays there
 * @throws invalidArgument when links lead in a circle
 */
export function resolveInStack(
  root: number[],
  path: string,
  { open, followLast = true }: { open: number[]; followLast?: boolean },
): Place {
  let trail: number[][] = [root];
  let parts: string[] = [];
  const rest = path.split('/').reverse();
  for (let links = 0; rest.length;) {
    const name = rest.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      parts.pop();
      continue;
    }
    const last = rest.every((part) => part === '' || part === '.');
    const node = lookUpInStack(trail.at(-1)!, name, open);
    if (!node) return missing(trail, [...parts, name], rest);
    if (node.kind === 'directory') {
      trail.push(node.fds);
      parts.push(name);
    } else if (node.kind === 'link' && (!last || followLast)) {
      if (++links > MAX_LINKS) throw invalidArgument(`${printable(path)}: too many levels of symbolic links`);
      const target = readlinkat(node.at, raw(name)).toString('latin1');
      if (target.startsWith('/')) {
        trail = [root];
        parts = [];
      }
      rest.push(...target.split('/').reverse());
    } else {
      if (last) return { parts: [...parts, name], trail, node, blocked: false };
      return { ...missing(trail, [...parts, name], rest), blocked: true };
    }
  }
  const here = trail.at(-1)!;
  return { parts, trail: trail.slice(0, -1), node: { kind: 'directory', fds: here }, blocked: false };
}

/** What is not there has no links: the rest is taken as it is written. */
function missing(trail: number[][], parts: string[], rest: string[]): Place {
  for (const name of rest.reverse()) {
    if (name === '' || name === '.') continue;
    if (name === '..') parts.pop();
    else parts.push(name);
  }
  return { parts, trail, node: undefined, blocked: false };
}

const printable = (path: string) => Buffer.from(path, 'latin1').toString('utf8');
