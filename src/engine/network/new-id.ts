// Names of new things: 64 random hex digits. Runs in the daemon.

import { randomBytes } from 'node:crypto';

/** The id of a network, an endpoint or a sandbox. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** The name of a device on the host's side, as Docker's look: `veth0123456`. */
export function newPortName(): string {
  return `veth${randomBytes(4).toString('hex').slice(0, 7)}`;
}
