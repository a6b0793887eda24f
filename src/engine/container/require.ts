// What a verb asks of a container before it begins, with Docker's texts. Runs in the daemon. moby: daemon/errors.go.

import { conflict } from '../../base/errors.ts';
import type { Container } from './container.ts';

/** @throws conflict for a container that is not there to run something in */
export function requireExecable(container: Container): void {
  const { id, state, running } = container;
  if (!running) throw conflict(`container ${id} is not running`);
  if (state.status === 'paused') throw conflict(`Container ${id} is paused, unpause the container before exec`);
  if (state.status === 'restarting') {
    throw conflict(`Container ${id} is restarting, wait until the container is running`);
  }
}
