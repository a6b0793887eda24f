// Starts a program that outlives its starter, and keeps one end of a socket to its descriptor 3. What child_process.spawn does,
// less its fork(2), which copies the page tables of a daemon for every container. Main thread of the daemon. posix_spawn(3)

import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { posixSpawn, socketpair, waitpid } from './addon.ts';

const WNOHANG = 1;

/** Starts a program with these descriptors; `gone` resolves when it has ended and was reaped. @throws the errno of posix_spawn(3) */
export async function spawnWith(
  program: string,
  args: string[],
  fds: number[],
): Promise<{ pid: number; gone: Promise<void> }> {
  const pid = await posixSpawn(program, [program, ...args], fds);
  return { pid, gone: whenGone(pid) };
}

export interface Spawned {
  pid: number;
  /** our end of the program's descriptor 3 */
  socket: Socket;
  /** the program ended and was reaped */
  gone: Promise<void>;
}

/** Its standard streams are /dev/null. @throws the errno of posix_spawn(3) */
export async function spawnWithSocket(program: string, args: string[]): Promise<Spawned> {
  const [ours, theirs] = socketpair();
  let nothing: number | undefined;
  try {
    nothing = openSync('/dev/null', 'r+');
    const { pid, gone } = await spawnWith(program, args, [nothing, nothing, nothing, theirs]);
    return { pid, socket: new Socket({ fd: ours, readable: true, writable: true }), gone };
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
    if (nothing !== undefined) closeSync(nothing);
  }
}

/* Only pids of this table are reaped: the children of child_process are libuv's. */
const waiting = new Map<number, () => void>();
let listening = false;

function whenGone(pid: number): Promise<void> {
  if (!listening) process.on('SIGCHLD', () => [...waiting.keys()].forEach(reap));
  listening = true;
  return new Promise((resolve) => {
    waiting.set(pid, resolve);
    reap(pid); // it may have ended before its number was known
  });
}

function reap(pid: number): void {
  if (waitpid(pid, WNOHANG) === 0) return;
  waiting.get(pid)!();
  waiting.delete(pid);
}
