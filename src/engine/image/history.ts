// `history`: how an image came to be, newest first. Runs in the daemon. moby: daemon/images/image_history.go

import { createdMs } from './list.ts';
import { configOf, find, repoNames, type ImageRoom } from './room.ts';

/** @throws notFound with Docker's text */
export function history(room: ImageRoom, text: string): object[] {
  const { id, diffIDs } = find(room, text);
  const config = configOf(room, id);
  const layers = [...diffIDs];
  const lines = (config.history ?? []).map(({ created, created_by, comment, empty_layer }) => {
    const diffID = empty_layer ? undefined : layers.shift();
    return {
      Comment: comment ?? '',
      Created: Math.floor(createdMs({ ...config, created }) / 1000),
      CreatedBy: created_by ?? '',
      Id: '<missing>',
      Size: diffID !== undefined && room.layers.has(diffID) ? room.layers.size(diffID) : 0,
      Tags: null as string[] | null,
    };
  });
  const newest = lines.at(-1);
  if (newest) {
    const { tags } = repoNames(room, id);
    Object.assign(newest, { Id: id, Tags: tags.length > 0 ? tags : null });
  }
  return lines.reverse();
}
