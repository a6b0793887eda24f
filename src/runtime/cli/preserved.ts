// Descriptors from 3 on that the container inherits: --preserve-fds, and those of socket activation. sd_listen_fds(3)

import { readlinkSync } from 'node:fs';
import { errnoOf, invalidArgument } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';

/* What Node opens for itself at the first free numbers: not what a caller means to pass. */
const OURS = /^anon_inode:\[(eventpoll|eventfd|io_uring)\]$/;

/**
 * How many descriptors are passed on. Tells the program of those that systemd passed to us.
 * @throws invalidArgument with runc's text for one that is not open
 */
export function preservedFds(wanted: number, spec: Spec, env: NodeJS.ProcessEnv = process.env): number {
  const listening = Number(env.LISTEN_FDS ?? 0);
  const count = wanted + (listening > 0 ? listening : 0);
  if (listening > 0) spec.process!.env = [...(spec.process!.env ?? []), `LISTEN_FDS=${listening}`, 'LISTEN_PID=1'];
  for (let fd = 3; fd < 3 + count; fd++) {
    let target: string;
    try {
      target = readlinkSync(`/proc/self/fd/${fd}`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      target = '';
    }
    if (target === '' || OURS.test(target)) {
      throw invalidArgument(`unable to stat preserved-fd ${fd - 3} (of ${count}): no such descriptor`);
    }
  }
  return count;
}
