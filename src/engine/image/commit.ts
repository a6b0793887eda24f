// `commit` and `import`: images made of a container's changes, and of an archive. Runs in the daemon.
// moby: daemon/commit.go, daemon/images/image_import.go

import type { CommitOptions, ImportOptions } from '../../api/backend.ts';
import type { Digest } from '../../base/digest.ts';
import type { ImageConfig, ImageProcessConfig } from '../../base/oci-image.ts';
import { hostPlatform, parsePlatform } from '../../registry/platform.ts';
import { familiar, parseReference, withDefaultTag } from '../../registry/reference.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { changeConfig } from './change-config.ts';
import { layersOf } from './layer-blobs.ts';
import { makeImage } from './make-image.ts';
import { layerFromArchive, layerFromSnapshot } from './make-layer.ts';
import { configOf, holder, nameOf, publish, type ImageRoom } from './room.ts';

/** The container that an image is made of. */
export interface Committed {
  id: string;
  imageId: Digest;
  config: ImageProcessConfig;
  /** path and arguments, for the history */
  command: string[];
}

/** Makes an image of what a container changed, on top of its image; returns the id. @throws invalidArgument, notFound */
export async function commit(room: ImageRoom, container: Committed, options: CommitOptions): Promise<Digest> {
  const config = changeConfig({ ...container.config, ...definite(options.config) }, options.changes);
  const name = targetName(options.repo, options.tag);
  const record = room.store.get(container.imageId);
  const base = configOf(room, container.imageId);
  const lease = holder(room);
  try {
    // Its image may be removed while the archive is written: what lies below is then needed by the new one.
    const below = record ? layersOf(room, record) : [];
    for (const digest of [...below.map((blob) => blob.digest), ...base.rootfs.diff_ids]) lease.hold(digest);
    const layer = await layerFromSnapshot(room, container.id, { lease, consume: false });
    const empty = layer.entries === 0;
    const created = rfc3339(nowNanoseconds());
    const image: ImageConfig = {
      architecture: base.architecture,
      ...(base.variant && { variant: base.variant }),
      os: base.os,
      created,
      author: options.author || base.author || '',
      config,
      rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, ...(empty ? [] : [layer.diffID])] },
      history: [
        ...(base.history ?? []),
        {
          created,
          ...(options.author && { author: options.author }),
          created_by: container.command.join(' '),
          ...(options.comment && { comment: options.comment }),
          ...(empty && { empty_layer: true }),
        },
      ],
    };
    const id = await makeImage(room, { config: image, layers: [...below, ...(empty ? [] : [layer])], lease });
    if (name) giveName(room, name, id);
    return id;
  } finally {
    lease.release();
  }
}

/** Makes an image of one archive, compressed or not; returns the id. @throws invalidArgument */
export async function importArchive(room: ImageRoom, options: ImportOptions): Promise<Digest> {
  const config = changeConfig({}, options.changes);
  const name = targetName(options.repo, options.tag);
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform();
  const lease = holder(room);
  try {
    const layer = await layerFromArchive(room, options.body, { lease, signal: options.signal });
    const created = rfc3339(nowNanoseconds());
    const image: ImageConfig = {
      architecture: platform.architecture,
      ...(platform.variant && { variant: platform.variant }),
      os: platform.os,
      created,
      config,
      rootfs: { type: 'layers', diff_ids: [layer.diffID] },
      history: [{ created, comment: options.message || `Imported from ${options.source}` }],
    };
    const id = await makeImage(room, { config: image, layers: [layer], lease });
    if (name) giveName(room, name, id);
    publish(room, 'import', { id, name: id, of: id });
    return id;
  } finally {
    lease.release();
  }
}

function targetName(repo: string | undefined, tag: string | undefined) {
  if (!repo) return undefined;
  return withDefaultTag(parseReference(tag ? `${repo}:${tag}` : repo));
}

function giveName(room: ImageRoom, reference: ReturnType<typeof parseReference>, id: Digest): void {
  room.store.name(nameOf(reference), id, { tagged: true });
  publish(room, 'tag', { id, name: familiar(reference), of: id });
}

/** What a client's body really says of an image: empty fields keep the container's. */
function definite(config: CommitOptions['config']): ImageProcessConfig {
  const said = KEYS.map((key) => [key, config[key]] as const).filter(([, value]) => {
    if (value === null || value === undefined || value === '') return false;
    return typeof value !== 'object' || Object.keys(value).length > 0;
  });
  return Object.fromEntries(said) as ImageProcessConfig;
}

const KEYS = [
  ...(['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels'] as const),
  ...(['StopSignal', 'StopTimeout', 'Shell', 'Healthcheck', 'OnBuild'] as const),
];
