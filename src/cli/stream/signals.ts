// --sig-proxy: signals of this process become signals of the container's init. Runs in the CLI. signal(7).

import { constants } from 'node:os';
import type { Context } from '../context.ts';

/** Not forwarded: cannot be caught (KILL, STOP), or mean this process alone (PROF: Node's own profiler). */
const OWN = new Set([
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGPIPE',
  'SIGURG',
  'SIGPROF',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
]);
const END = new Set<string>(['SIGINT', 'SIGTERM']);
/** Second names of a number. */
const ALIASES = new Set(['SIGIOT', 'SIGPOLL', 'SIGUNUSED', 'SIGSTKFLT', 'SIGCLD']);

/**
 * From now on: forwards every signal where `proxy` says so. This process outlives SIGINT and
 * SIGTERM, because the container's end is what it waits for; the third one ends it.
 */
export function catchSignals(context: Context, id: string, proxy: boolean): void {
  const names = Object.keys(constants.signals).filter((name) => !OWN.has(name) && !ALIASES.has(name));
  let endings = 0;
  const caught = (name: NodeJS.Signals) => {
    if (END.has(name) && ++endings === 3) {
      context.err.write('\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n');
      process.exit(1);
    }
    if (!proxy) return;
    // The container may have ended just now: then there is nobody to tell.
    context.client.call('POST', `/containers/${id}/kill`, { query: { signal: name.slice(3) } }).catch(() => {});
  };
  const wanted = proxy ? names : [...END];
  for (const name of wanted) process.on(name as NodeJS.Signals, caught);
}
