// Hands out the numbered places that ops keep descriptors in while a plan is compiled. Pure.

import { invalidArgument } from '../../base/errors.ts';
import type { Slot } from '../../native/ops.ts';

/** How many slots the walker has. */
const SLOTS = 128;

export interface Slots {
  /** For what is opened and closed again within a few ops. */
  readonly passing: Slot;
  /**
   * A place of its own, for what stays open while other things are opened.
   * @throws invalidArgument when a container has more mounts than there are places.
   */
  take(): Slot;
}

/** A fresh set of places, lowest first. Slots 0, 1 and 2 hold the container's standard streams. */
export function newSlots(): Slots {
  let next = 4;
  return {
    passing: 3,
    take() {
      if (next === SLOTS) throw invalidArgument(`too many mounts and devices: a container can have about ${SLOTS}`);
      return next++;
    },
  };
}
