// Descriptors over unix sockets: the terminal's master for --console-socket, a pidfd for --pidfd-socket. The name that goes with
// each is what Go would call the file. unix(7) SCM_RIGHTS

import { closeSync } from 'node:fs';
import { pidfdOpen } from '../../native/addon.ts';
import { walk } from '../../native/walk.ts';

/** @throws internal: connect or send_fd with the path and the errno */
export function sendTerminal(path: string, master: number): void {
  sendDescriptor(path, master, '/dev/ptmx');
}

export function sendPidfd(path: string, pid: number): void {
  const pidfd = pidfdOpen(pid);
  try {
    sendDescriptor(path, pidfd, 'pidfd');
  } finally {
    closeSync(pidfd);
  }
}

function sendDescriptor(path: string, descriptor: number, name: string): void {
  const [fd, to] = [0, 1];
  walk(
    {
      ops: [
        { who: 'parent', op: 'connect', path, slot: to },
        { who: 'parent', op: 'send_fd', fd, to, data: name },
      ],
    },
    { slots: { [fd]: descriptor } },
  );
}
