// `tag`: one more name for an image; another image that has it loses it. Runs in the daemon. moby: daemon/images/image_tag.go

import { invalidArgument } from '../../base/errors.ts';
import { familiar, parseReference, withDefaultTag } from '../../registry/reference.ts';
import { find, nameOf, publish, type ImageRoom } from './room.ts';

/** @throws notFound; invalidArgument with Docker's texts */
export function tag(room: ImageRoom, source: string, target: { repo: string; tag?: string }): void {
  const record = find(room, source);
  const repository = parseReference(target.repo);
  if (repository.digest !== undefined) throw invalidArgument('refusing to create a tag with a digest reference');
  const reference = withDefaultTag(target.tag ? parseReference(`${target.repo}:${target.tag}`) : repository);
  room.store.name(nameOf(reference), record.id, { tagged: true });
  publish(room, 'tag', { id: record.id, name: familiar(reference), of: record.id });
}
