// What the launcher tells the daemon about the world outside, and what the daemon does with it. The daemon cannot see
// these facts itself: inside, it is uid 0. `environmentOf` runs in the launcher, the rest in the daemon. environ(7)

import type { Locations } from '../base/locations.ts';
import type { Account } from './account.ts';
import { isAlive, type ProcessIdentity } from '../native/process-identity.ts';

export interface Outside {
  holder: ProcessIdentity;
  /** ids of the user who started the daemon, as the host knows them */
  uid: number;
  gid: number;
}

/** The variables that the daemon starts with, besides the user's own. */
export function environmentOf(options: {
  locations: Locations;
  holder: ProcessIdentity;
  account: Account;
  native: string;
}): NodeJS.ProcessEnv {
  const { locations, holder, account, native } = options;
  return {
    PUNNET_ROOT: locations.root,
    PUNNET_RUN: locations.run,
    PUNNET_CONFIG: locations.config,
    PUNNET_HOST: `unix://${locations.socket}`,
    PUNNET_NATIVE: native,
    PUNNET_OUTSIDE: `${account.uid} ${account.gid} ${holder.pid} ${holder.startTime}`,
    // the daemon talks to registries; the command line, which does not, was spared the cost of reading these
    ...(process.env.PUNNET_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: process.env.PUNNET_EXTRA_CA_CERTS } : {}),
  };
}

/** What the launcher said; undefined when this process was not started by it. */
export function outside(env: NodeJS.ProcessEnv): Outside | undefined {
  const match = /^(\d+) (\d+) (\d+) (\d+)$/.exec(env.PUNNET_OUTSIDE ?? '');
  if (!match) return undefined;
  return {
    uid: Number(match[1]),
    gid: Number(match[2]),
    holder: { pid: Number(match[3]), startTime: match[4]! },
  };
}

/** Lets the namespaces go: for a daemon that ends with no container running. */
export function releaseHolder({ holder }: Pick<Outside, 'holder'>): void {
  if (isAlive(holder)) process.kill(holder.pid, 'SIGTERM');
}
