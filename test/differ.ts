// Every accepted difference between punnet and Docker that a verb test knows of, with its reason. A test asks `differs(engine, id)`
// and then asserts what punnet does instead; an id that no test asks for fails test/differ.test.ts.

import type { Engine } from './support/engine.ts';

export const DIFFERENCES = {
  'bridge-mtu':
    'Bridges have an MTU of 65520 instead of 1500: without root the way outside is a program that copies packet by packet, and is ' +
    'as fast as packets are large (docs/networking.md has the measurement). `-o com.docker.network.driver.mtu=1500` gives Docker’s.',
  'no-spoofing':
    'A container sends only from its own MAC and IP addresses. Docker lets it take its neighbours’, for which the NET_RAW that every ' +
    'container has suffices.',
  'ping-group-range':
    'The kernel takes only groups that the user namespace maps, so the range ends with them instead of at 2147483647.',
  'execve-fails-the-start':
    'punnet sees the errno of execve before it calls a container started, so a missing interpreter is an error of start; ' +
    'Docker has called it started by then, and the error is the first line of the container’s own output.',
  'volume-mount-points':
    'The mount points of a container’s volumes are there when it is created, in a layer that containers share; Docker makes them ' +
    'at the start, and the archive of a container that never ran has none.',
} satisfies Record<string, string>;

export type Difference = keyof typeof DIFFERENCES;

/** Whether `engine` is one that differs from Docker in this. */
export function differs(engine: Engine, id: Difference): boolean {
  return engine.spec.kind === 'punnet' && id in DIFFERENCES;
}
