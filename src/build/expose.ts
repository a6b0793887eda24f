// The ports of EXPOSE: `80`, `80/udp`, `8000-8010/tcp`, and the host's part that Docker takes and forgets. Pure.
// Runs in the daemon. docker/go-connections: nat.ParsePortSpecs

import { invalidArgument } from '../base/errors.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'];

/** `80/tcp` for each. @throws invalidArgument with Docker's texts */
export function exposedPorts(words: string[]): string[] {
  return words.flatMap((word) => {
    const slash = word.lastIndexOf('/');
    const protocol = slash < 0 ? 'tcp' : word.slice(slash + 1).toLowerCase() || 'tcp';
    const range = (slash < 0 ? word : word.slice(0, slash)).split(':').at(-1)!;
    if (range === '') throw invalidArgument(`no port specified: ${word}<empty>`);
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    const from = Number(match?.[1] ?? NaN);
    const to = Number(match?.[2] ?? from);
    if (!match || from > 65535 || to > 65535 || to < from) throw invalidArgument(`invalid containerPort: ${range}`);
    if (!PROTOCOLS.includes(protocol)) throw invalidArgument(`invalid proto: ${protocol}`);
    return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}/${protocol}`);
  });
}
