// `rmi`: takes names away, and the image with its last one; conflicts in Docker's words. Runs in the daemon.
// moby: daemon/images/image_delete.go

import { hexOf, type Digest } from '../../base/digest.ts';
import { conflict } from '../../base/errors.ts';
import { parseReference, withDefaultTag } from '../../registry/reference.ts';
import { collect } from './collect.ts';
import { chainIDs } from './pull.ts';
import { find, isDigestName, nameOf, publish, repositoryOf, shown, type ImageRoom, type ImageUser } from './room.ts';
import type { ImageRecord } from './store.ts';

export interface Removed {
  Untagged?: string;
  Deleted?: string;
}

/** @throws notFound, conflict with Docker's texts */
export async function remove(
  room: ImageRoom,
  text: string,
  options: { force: boolean; prune: boolean },
): Promise<Removed[]> {
  const record = find(room, text);
  const removed: Removed[] = [];
  const untag = (name: string) => {
    room.store.unname(name);
    removed.push({ Untagged: shown(name) });
    publish(room, 'untag', { id: record.id, name: record.id, of: record.id });
  };
  const byName = !isIdPrefix(record.id, text);
  if (byName) {
    const single = isSingle(room.store.namesOf(record.id));
    if (!options.force && single) refuseWhileUsed(room, record, text);
    const name = nameOf(withDefaultTag(parseReference(text)));
    untag(name);
    if (!isDigestName(name)) for (const digest of leftDigests(room, record, name)) untag(digest);
    if (room.store.namesOf(record.id).length > 0) return removed;
    // The last name is gone: so is the image, unless a container still runs or stands on it.
    if (blocker(room, record, options.force)) return removed;
  } else {
    const names = room.store.namesOf(record.id);
    const single = isSingle(names);
    const reason = blocker(room, record, options.force);
    if (reason?.hard) throw refused(record, reason);
    if (!options.force && !single)
      throw refused(record, { hard: false, message: 'image is referenced in multiple repositories' });
    if (reason) throw refused(record, reason);
    names.forEach(untag);
  }
  await forget(room, record, removed);
  return removed;
}

async function forget(room: ImageRoom, record: ImageRecord, removed: Removed[]): Promise<void> {
  const { id, manifests, layers, diffIDs } = record;
  publish(room, 'delete', { id, name: id, of: id });
  room.store.remove(id);
  room.configs.delete(id);
  removed.push({ Deleted: id });
  const stays = chainsInUse(room);
  for (const chainID of chainIDs(diffIDs).toReversed()) if (!stays.has(chainID)) removed.push({ Deleted: chainID });
  await collect(room, { blobs: [id, ...manifests, ...layers], layers: diffIDs });
}

/** Stacks of layers that an image or a container still needs, by chainID. */
function chainsInUse(room: ImageRoom): Set<Digest> {
  const stacks = [
    ...room.store.list().map(({ diffIDs }) => diffIDs),
    ...room.layers.listActive().map((key) => room.layers.layersOf(key)),
  ];
  return new Set(stacks.flatMap(chainIDs));
}

interface Blocker {
  /** not even force helps */
  hard: boolean;
  message: string;
}

function blocker(room: ImageRoom, record: ImageRecord, force: boolean): Blocker | undefined {
  const users = room.usersOf(record.id);
  const running = users.find((user) => user.running);
  if (running) return { hard: true, message: `image is being used by running container ${short(running)}` };
  const stopped = users[0];
  if (stopped && !force) return { hard: false, message: `image is being used by stopped container ${short(stopped)}` };
  return undefined;
}

function refused(record: ImageRecord, { hard, message }: Blocker): Error {
  const forced = hard ? 'cannot be forced' : 'must be forced';
  return conflict(`conflict: unable to delete ${hexOf(record.id).slice(0, 12)} (${forced}) - ${message}`);
}

/** Without its last name the image would dangle below a container: that the user must want. */
function refuseWhileUsed(room: ImageRoom, record: ImageRecord, text: string): void {
  const user = room.usersOf(record.id)[0];
  if (!user) return;
  throw conflict(
    `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${short(user)} is using its referenced image ${hexOf(record.id).slice(0, 12)}`,
  );
}

/** Digest names of a repository whose last tag on this image has just gone. */
function leftDigests(room: ImageRoom, record: ImageRecord, name: string): string[] {
  const same = room.store.namesOf(record.id).filter((other) => repositoryOf(other) === repositoryOf(name));
  return same.some((other) => !isDigestName(other)) ? [] : same;
}

/** At most one tag, and digests of that same repository only. */
function isSingle(names: string[]): boolean {
  if (names.length <= 1) return true;
  const tags = names.filter((name) => !isDigestName(name));
  if (tags.length > 1) return false;
  const repositories = new Set(names.filter(isDigestName).map(repositoryOf));
  return repositories.size === 1 && repositories.has(repositoryOf(tags[0] ?? names[0]!));
}

const isIdPrefix = (id: Digest, text: string) => id.startsWith(text) || hexOf(id).startsWith(text);

const short = ({ id }: ImageUser) => id.slice(0, 12);
