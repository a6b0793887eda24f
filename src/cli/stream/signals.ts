// --sig-proxy: signals of this process become signals of the container's init. Runs in the CLI. signal(7).

import { constants } from 'node:os';
import type { Context } from '../context.ts';

/** Not forwarded: cannot be caught (KILL, STOP), or mean this process alone. */
const OWN = new Set(['SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGPIPE', 'SIGURG', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL']);
/** Second names of a number. */
const ALIASES = new Set(['SIGIOT', 'SIGPOLL', 'SIGUNUSED', 'SIGSTKFLT', 'SIGCLD']);

/** Forwards until the returned function is called. */
export function proxySignals(context: Context, id: string): () => void {
  const names = Object.keys(constants.signals).filter((name) => !OWN.has(name) && !ALIASES.has(name));
  const forward = (name: NodeJS.Signals) => {
    // The container may have ended just now: then there is nobody to tell.
    context.client.call('POST', `/containers/${id}/kill`, { query: { signal: name.slice(3) } }).catch(() => {});
  };
  for (const name of names) process.on(name as NodeJS.Signals, forward);
  return () => {
    for (const name of names) process.removeListener(name as NodeJS.Signals, forward);
  };
}
