// Descriptors that the program inherits from us: its standard streams, and those from 3 on, of --preserve-fds and of socket
// activation. sd_listen_fds(3), null(4)

import { fstatSync, readlinkSync } from 'node:fs';
import { errnoOf, invalidArgument } from '../../base/errors.ts';
import type { SpecProcess } from '../../base/oci-runtime.ts';
import { PRESERVED } from '../compile/slots.ts';

/* What Node opens for itself at the first free numbers: not what a caller means to pass. */
const OURS = /^anon_inode:\[(eventpoll|eventfd|io_uring)\]$/;

/**
 * How many descriptors are passed on. Tells the program of those that systemd passed to us.
 * @throws invalidArgument with runc's text for one that is not open
 */
export function preservedFds(wanted: number, program: SpecProcess, env: NodeJS.ProcessEnv = process.env): number {
  const listening = Number(env.LISTEN_FDS ?? 0);
  const count = wanted + (listening > 0 ? listening : 0);
  if (listening > 0) program.env = [...(program.env ?? []), `LISTEN_FDS=${listening}`, 'LISTEN_PID=1'];
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

const NULL_DEVICE = 0x103;

/** Those of 0, 1 and 2 that are the host's /dev/null: its owner stays what it is, whoever the program runs as. */
export function hostStreams(): number[] {
  return [0, 1, 2].filter((fd) => {
    const status = fstatSync(fd);
    return status.isCharacterDevice() && status.rdev === NULL_DEVICE;
  });
}

/** What the walk is given, by slot. A program with a terminal has no streams of ours. */
export function inherited(program: SpecProcess, preserved: number): Record<number, number> {
  const slots: Record<number, number> = program.terminal ? {} : { 0: 0, 1: 1, 2: 2 };
  for (let i = 0; i < preserved; i++) slots[PRESERVED + i] = 3 + i;
  return slots;
}
