// What `punnet system check` says of images: every record readable, everything it names present, every blob re-hashed.
// Runs in the daemon, reads only.

import { messageOf } from '../../base/errors.ts';
import { checkContent } from '../../content/check.ts';
import { configOf, repoNames, type ImageRoom } from './room.ts';

/** One line per finding. */
export async function check(room: ImageRoom): Promise<{ problems: string[]; checked: Record<string, number> }> {
  const problems = [...room.store.problems];
  const records = room.store.list();
  for (const { id, manifests, diffIDs } of records) {
    const { tags, digests } = repoNames(room, id);
    const what = `image ${tags[0] ?? digests[0] ?? id}`;
    const mend = 'punnet pull it again';
    if (room.content.has(id)) {
      try {
        configOf(room, id);
      } catch (error) {
        problems.push(`${what}: its config cannot be read: ${messageOf(error)}`);
      }
    } else problems.push(`${what}: its config ${id} is missing (${mend})`);
    for (const digest of manifests)
      if (!room.content.has(digest)) problems.push(`${what}: its manifest ${digest} is missing (${mend})`);
    for (const diffID of diffIDs)
      if (!room.layers.has(diffID)) problems.push(`${what}: its layer ${diffID} is missing (${mend})`);
  }
  const content = await checkContent(room.content);
  problems.push(...content.problems);
  return { problems, checked: { images: records.length, blobs: content.checked } };
}
