// An image of GET /images/json as rows, one per tag, with the fields that `images --format` knows.
// docker/cli: cli/command/formatter/image.go. Pure; runs in the CLI.

import { familiarName, parseReference } from '../../registry/reference.ts';
import { humanDuration, humanSize } from './size.ts';
import { Struct } from './template.ts';
import { goTime, shortId } from './text.ts';

export interface ImageSummary {
  Id: string;
  RepoTags?: string[] | null;
  RepoDigests?: string[] | null;
  /** seconds since the epoch */
  Created: number;
  Size: number;
  SharedSize: number;
  Containers: number;
}

export const imageHeaders: Record<string, string> = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};

export interface ImageRowOptions {
  truncate: boolean;
  /** a row for every digest */
  digests: boolean;
  /** the format shows digests */
  showDigest: boolean;
  now?: number;
}

interface Name {
  repository: string;
  tag: string;
  digest: string;
}

export function imageRows(images: ImageSummary[], options: ImageRowOptions): Struct[] {
  return images.flatMap((image) => namesOf(image, options).map((name) => imageRow(image, name, options)));
}

export function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const tags = RepoTags ?? [];
  const digests = RepoDigests ?? [];
  if (tags.length === 0 && digests.length === 0) return true;
  return tags.length === 1 && tags[0] === '<none>:<none>' && digests.length === 1 && digests[0] === '<none>@<none>';
}

function namesOf(image: ImageSummary, { digests: perDigest, showDigest }: ImageRowOptions): Name[] {
  if (isDangling(image)) return [{ repository: '<none>', tag: '<none>', digest: '<none>' }];
  const tags = byRepository(image.RepoTags ?? [], (reference) => reference.tag);
  const digests = byRepository(image.RepoDigests ?? [], (reference) => reference.digest);
  const names: Name[] = [];
  for (const [repository, all] of tags) {
    const own = showDigest || perDigest ? (digests.get(repository) ?? []) : [];
    digests.delete(repository);
    for (const tag of all)
      for (const digest of own.length > 0 ? own : ['<none>']) names.push({ repository, tag, digest });
  }
  for (const [repository, all] of digests) {
    for (const digest of perDigest ? all : ['']) names.push({ repository, tag: '<none>', digest });
  }
  return names;
}

function byRepository(
  texts: string[],
  part: (reference: ReturnType<typeof parseReference>) => string | undefined,
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const text of texts) {
    const reference = readable(text);
    const value = reference && part(reference);
    if (!reference || value === undefined) continue;
    const name = familiarName(reference);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

/** A name that is no reference, `<none>@sha256:…`, makes no row. */
function readable(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

export function imageRow(
  image: ImageSummary,
  name: Name,
  { truncate, now = Date.now() }: Omit<ImageRowOptions, 'digests' | 'showDigest'>,
): Struct {
  const known = (size: number) => (size === -1 ? 'N/A' : humanSize(size));
  return new Struct('*formatter.imageContext', {
    ID: () => (truncate ? shortId(image.Id) : image.Id),
    Repository: () => name.repository,
    Tag: () => name.tag,
    Digest: () => name.digest,
    CreatedSince: () => `${humanDuration(now - image.Created * 1000)} ago`,
    CreatedAt: () => goTime(image.Created),
    Size: () => humanSize(image.Size, 3),
    Containers: () => (image.Containers === -1 ? 'N/A' : String(image.Containers)),
    VirtualSize: () => humanSize(image.Size),
    SharedSize: () => known(image.SharedSize),
    UniqueSize: () => (image.Size === -1 || image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize)),
  });
}
