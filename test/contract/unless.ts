// A claim that some runtimes or users cannot be held to, with the reason where the closing lines find it.

import { test } from 'vitest';

/** Of an unprivileged user: her container has her ids alone, no cgroup and no network of its own. */
export const NO_ROOT = 'needs ids, a cgroup or a network that an unprivileged user does not have';

/** Where the claim was made, crun could not run. */
export const NOT_TRIED = 'not claimed of crun, which could not be tried';

/** `test`, or a test that is skipped with `reason` in its title. */
export function unless(
  skip: boolean,
  reason: string,
): (title: string, body: () => Promise<void>, timeout?: number) => void {
  return (title, body, timeout) => {
    if (skip) test.skip(`${title} (skipped: ${reason})`, body);
    else test(title, { timeout }, body);
  };
}
