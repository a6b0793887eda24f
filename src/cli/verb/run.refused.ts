// Flags of `docker run` and `docker create` that ask for what punnet cannot give: known, and refused by name. Data.

import type { Flag, FlagType } from '../flag.ts';

const WINDOWS = 'it is for containers of Windows, and these are of Linux';

const REFUSED: [name: string, type: FlagType, why: string][] = [
  ['cpu-count', 'int', WINDOWS],
  ['cpu-percent', 'int', WINDOWS],
  ['io-maxbandwidth', 'bytes', WINDOWS],
  ['io-maxiops', 'int', WINDOWS],
  ['gpus', 'string', 'could not select device driver "" with capabilities: [[gpu]]'],
  ['kernel-memory', 'bytes', 'the kernel counts it as memory: use --memory'],
  ['use-api-socket', 'bool', 'it is not supported: mount the socket with --volume'],
];

export const refusedFlags: Flag[] = REFUSED.map(([name, type, why]) => ({
  name,
  type,
  help: why,
  hidden: true,
  read: () => {
    throw new Error(why);
  },
}));
