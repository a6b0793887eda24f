// Where punnet keeps things. Data (images, containers) survives reboot; run (sockets, pids) does not.
//   unprivileged: ~/.local/share/punnet   $XDG_RUNTIME_DIR/punnet or /tmp/punnet-<uid>   ~/.config/punnet
//   root:         /var/lib/punnet         /run/punnet                                    /etc/punnet
// PUNNET_ROOT, PUNNET_RUN, PUNNET_CONFIG override them; PUNNET_HOST (unix://…) overrides the socket.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Locations {
  /** data directory */
  root: string;
  /** runtime directory; short, since socket paths inside it must fit 107 bytes (unix(7)) */
  run: string;
  /** directory of what the user configures: registries.json, certs.d/ */
  config: string;
  /** path of the Engine API socket */
  socket: string;
}

/** Resolves the directories for user `uid` (host side) from the environment. */
export function locations(env: NodeJS.ProcessEnv = process.env, uid = process.getuid!()): Locations {
  const asRoot = uid === 0;
  const root =
    env.PUNNET_ROOT ??
    (asRoot ? '/var/lib/punnet' : join(env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'punnet'));
  const run = env.PUNNET_RUN ?? (asRoot ? '/run/punnet' : userRun(env, uid));
  const config =
    env.PUNNET_CONFIG ?? (asRoot ? '/etc/punnet' : join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'punnet'));
  const socket = env.PUNNET_HOST?.startsWith('unix://')
    ? env.PUNNET_HOST.slice('unix://'.length)
    : join(run, 'punnet.sock');
  return { root: resolve(root), run: resolve(run), config: resolve(config), socket: resolve(socket) };
}

function userRun(env: NodeJS.ProcessEnv, uid: number): string {
  const session = env.XDG_RUNTIME_DIR;
  return session && existsSync(session) ? join(session, 'punnet') : `/tmp/punnet-${uid}`;
}
