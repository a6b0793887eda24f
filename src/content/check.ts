// Every committed blob hashed again: what `punnet system check` reports of the content store. Runs in the daemon, reads only.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../base/digest.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import { corrupt, type ContentStore } from './store.ts';

/** Hashes every blob; one line per blob that is not its digest, or cannot be read. */
export async function checkContent(store: ContentStore): Promise<{ problems: string[]; checked: number }> {
  const problems: string[] = [];
  let checked = 0;
  for (const digest of store.list()) {
    const path = store.path(digest);
    try {
      const found = await digestOfFile(path);
      checked++;
      if (found !== digest) {
        const error = corrupt({ digest, found, path });
        problems.push(`${error.message} (${error.fix})`);
      }
    } catch (error) {
      // Removed since the list was made: not a problem.
      if (errnoOf(error) !== 'ENOENT') problems.push(`blob ${digest} cannot be read: ${messageOf(error)}`);
    }
  }
  return { problems, checked };
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}
