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

/** The first of the slots that hold descriptors which the program gets as 3, 4… */
export const PRESERVED = 4;

/**
 * A fresh set of places, lowest first. Slots 0, 1 and 2 hold the container's standard streams.
 * @param preserved how many further descriptors the caller passes in
 */
export function newSlots(preserved = 0): Slots {
  let next = PRESERVED + preserved;
  return {
    passing: 3,
    take() {
      if (next === SLOTS) throw invalidArgument(`too many mounts and devices: a container can have about ${SLOTS}`);
      return next++;
    },
  };
}
