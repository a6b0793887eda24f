// The image half of the engine: what the API and the container verbs call; each verb has its own file. Runs in the daemon.

import type { CommitOptions, ImageBackend, ImportOptions } from '../../api/backend.ts';
import type { AuthConfig, Filters } from '../../api/types.ts';
import type { Digest } from '../../base/digest.ts';
import { messageOf, notFound } from '../../base/errors.ts';
import type { Descriptor, ImageConfig } from '../../base/oci-image.ts';
import type { ContentStore } from '../../content/store.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { inspect as inspectInRegistry } from '../../registry/inspect.ts';
import { login } from '../../registry/login.ts';
import { parsePlatform, platformMatches } from '../../registry/platform.ts';
import { parseReference, withDefaultTag } from '../../registry/reference.ts';
import { check } from './check.ts';
import { collectLayers, collectLeftovers } from './collect.ts';
import { commit, importArchive, type Committed } from './commit.ts';
import { credentialsOf } from './credentials.ts';
import { history } from './history.ts';
import { importLayout } from './import-layout.ts';
import { inspect } from './inspect.ts';
import { list, type Summary } from './list.ts';
import { layersOf } from './layer-blobs.ts';
import { makeImage, type NewImage } from './make-image.ts';
import { layerFromArchive, layerFromSnapshot, type Lease, type NewLayer } from './make-layer.ts';
import { load } from './load.ts';
import { prune } from './prune.ts';
import { platformMismatch, pull } from './pull.ts';
import { push } from './push.ts';
import { remove } from './remove.ts';
import { configOf, find, holder, nameOf, repoNames, type ImageRoom, type ImageUser, type Layers } from './room.ts';
import { save, type SaveOptions } from './save.ts';
import { search } from './search.ts';
import { ImageStore } from './store.ts';
import { tag } from './tag.ts';
import { usage } from './usage.ts';

export interface ImagesOptions {
  /** `<data root>/image` */
  directory: string;
  content: ContentStore;
  layers: Layers;
  registry: RegistryClient;
  /** the containers that were made from an image */
  usersOf(id: Digest): ImageUser[];
  /** an event of type image; `id` is a digest, or a reference for `pull` */
  publish?(action: string, image: { id: string; name: string; labels?: Record<string, string> }): void;
}

/** What a container needs of its image. */
export interface ResolvedImage {
  id: Digest;
  config: ImageConfig;
  /** lowest first */
  diffIDs: Digest[];
  repoTags: string[];
  repoDigests: string[];
}

export class Images implements ImageBackend {
  readonly #room: ImageRoom;

  constructor({ directory, publish = () => {}, ...options }: ImagesOptions) {
    this.#room = { ...options, publish, store: new ImageStore(directory), held: new Map(), configs: new Map() };
  }

  /**
   * Once, at the daemon's start: frees leftovers, and brings in the images that ship with punnet where they are absent.
   * What fails is told, one line each: a full disk must not keep the daemon from starting, since it is needed to mend that.
   */
  async start(options: { builtIn?: { name: string; directory: string }[] } = {}): Promise<string[]> {
    const told = [...this.#room.store.problems];
    const attempt = async (what: string, work: () => Promise<unknown>) => {
      try {
        await work();
      } catch (error) {
        told.push(`${what}: ${messageOf(error)}`);
      }
    };
    await attempt('free unused blobs and layers', () => collectLeftovers(this.#room));
    for (const { name, directory } of options.builtIn ?? []) {
      if (this.#room.store.named(nameOf(withDefaultTag(parseReference(name))))) continue;
      await attempt(`import ${name}`, () => this.importLayout(directory, name));
    }
    return told;
  }

  /**
   * Finds a local image by name, id or the beginning of an id.
   * @throws notFound with Docker's text, also when it is for another platform than the one asked for
   */
  resolve(reference: string, platform?: string): ResolvedImage {
    const { id, diffIDs } = find(this.#room, reference);
    const config = configOf(this.#room, id);
    const wanted = platform ? parsePlatform(platform) : undefined;
    if (wanted && !platformMatches(config, wanted))
      throw notFound(platformMismatch(reference, { wanted, actual: config }));
    const { tags, digests } = repoNames(this.#room, id);
    return { id, config, diffIDs, repoTags: tags, repoDigests: digests };
  }

  pull(reference: string, options: Parameters<ImageBackend['pull']>[1]): Promise<void> {
    return pull(this.#room, reference, options);
  }

  push(reference: string, options: Parameters<ImageBackend['push']>[1]): Promise<void> {
    return push(this.#room, reference, options);
  }

  /** What the registry has under a name. */
  inspectRemote(reference: string, options: { auth?: AuthConfig; signal: AbortSignal }): Promise<object> {
    const { auth, signal } = options;
    const credentials = auth && credentialsOf(auth);
    return answer(() => withDefaultTag(parseReference(reference))).then((parsed) =>
      inspectInRegistry({ client: this.#room.registry, reference: parsed, credentials, signal }),
    );
  }

  /** @throws unauthorized when the registry does not take them */
  async login(auth: AuthConfig, signal: AbortSignal): Promise<{ IdentityToken: string; Status: string }> {
    const server = auth.serveraddress ?? '';
    await login({ client: this.#room.registry, server, credentials: credentialsOf(auth), signal });
    return { IdentityToken: '', Status: 'Login Succeeded' };
  }

  search(term: string, options: Parameters<ImageBackend['search']>[1]): Promise<object[]> {
    return search(this.#room, term, options);
  }

  list(options: Parameters<ImageBackend['list']>[0]): Promise<Summary[]> {
    return answer(() => list(this.#room, options));
  }

  inspect(reference: string): Promise<object> {
    return answer(() => inspect(this.#room, reference));
  }

  remove(reference: string, options: { force: boolean; prune: boolean }): ReturnType<ImageBackend['remove']> {
    return remove(this.#room, reference, options);
  }

  tag(source: string, target: { repo: string; tag?: string }): Promise<void> {
    return answer(() => tag(this.#room, source, target));
  }

  history(reference: string): Promise<object[]> {
    return answer(() => history(this.#room, reference));
  }

  prune(filters: Filters): Promise<object> {
    return prune(this.#room, filters);
  }

  save(names: string[], options: SaveOptions): Promise<void> {
    return save(this.#room, names, options);
  }

  load(options: Parameters<ImageBackend['load']>[0]): Promise<void> {
    return load(this.#room, options);
  }

  import(options: ImportOptions): Promise<Digest> {
    return importArchive(this.#room, options);
  }

  /** For the verb of containers. */
  commit(container: Committed, options: CommitOptions): Promise<Digest> {
    return commit(this.#room, container, options);
  }

  /** Spares what is made under it from collection, until `release`. */
  lease(): { hold(digest: Digest): void; release(): void } {
    return holder(this.#room);
  }

  /** @see layerFromSnapshot in make-layer.ts */
  layerFromSnapshot(key: string, options: { lease: Lease; consume: boolean }): Promise<NewLayer> {
    return layerFromSnapshot(this.#room, key, options);
  }

  /** @see layerFromArchive in make-layer.ts */
  layerFromArchive(
    archive: AsyncIterable<Uint8Array>,
    options: { lease: Lease; signal?: AbortSignal },
  ): Promise<NewLayer> {
    return layerFromArchive(this.#room, archive, options);
  }

  /** The blobs of an image's layers, lowest first: what an image on top of it begins with. @throws notFound */
  layersOf(reference: string): Descriptor[] {
    return layersOf(this.#room, find(this.#room, reference));
  }

  /** Makes an image of a config and layers that are here, and gives it the names (`repository:tag`); returns its id. */
  async make(image: NewImage, names: string[] = []): Promise<Digest> {
    const id = await makeImage(this.#room, image);
    for (const name of names) this.#room.store.name(nameOf(withDefaultTag(parseReference(name))), id, { tagged: true });
    return id;
  }

  /** Imports an OCI layout directory under a name; returns the image's id. */
  importLayout(directory: string, name: string): Promise<Digest> {
    return importLayout(this.#room, { directory, name });
  }

  /** The container of these layers is gone: frees those that no image needs any more. */
  released(diffIDs: Digest[]): Promise<void> {
    return collectLayers(this.#room, diffIDs);
  }

  /** The image part of `system df`. */
  usage(): { LayersSize: number; Images: Summary[] } {
    return usage(this.#room);
  }

  /** The image part of `system check`: one line per finding. */
  check(): Promise<{ problems: string[]; checked: Record<string, number> }> {
    return check(this.#room);
  }

  /** How many images there are, for `info`. */
  get count(): number {
    return this.#room.store.list().length;
  }
}

// A promise even for what is done at once, so that errors come the one way.
async function answer<T>(work: () => T): Promise<T> {
  return work();
}
