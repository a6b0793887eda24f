// Which processes belong to a container: those of its cgroup; where it has none, those of its pid namespace. Runs in the daemon,
// which sees the host's processes. cgroups(7), pid_namespaces(7)

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Container } from './container.ts';
import type { Room } from './room.ts';

/** Pids as the daemon sees them. */
export function processesOfContainer(room: Room, container: Container): number[] {
  const { pid } = container.state;
  return room.groups.processes(container.id) ?? (sharesPids(container) ? descendants(pid) : sameNamespace(pid));
}

function sharesPids(container: Container): boolean {
  return (container.record.hostConfig.PidMode ?? '') !== '';
}

function sameNamespace(pid: number): number[] {
  const own = namespaceOf(pid);
  return own === undefined ? [] : pids().filter((each) => namespaceOf(each) === own);
}

function namespaceOf(pid: number): string | undefined {
  return attempt(() => readlinkSync(`/proc/${pid}/ns/pid`));
}

/** In a pid namespace that others share, what can be known are the children of the first process, and theirs. */
function descendants(pid: number): number[] {
  const children = attempt(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) ?? '';
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(descendants)];
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A process may end at any moment, and those of other users are not ours to look at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
