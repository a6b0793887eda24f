// What each kind of prune removes, as text, and the bytes that it freed: the prune verbs show one, `system prune` several.
// Runs in the CLI. docker/cli: cli/command/{container,network,volume,image,builder}/prune.go

import type { Context } from './context.ts';
import { filterQuery } from './flag-sets.ts';

export interface Pruned {
  /** bytes */
  freed: number;
  /** empty: nothing was removed */
  text: string;
}

interface Filter {
  name: string;
  value: string;
}

const list = (title: string, lines: string[] | null | undefined) =>
  lines?.length ? `${title}:\n${lines.map((line) => `${line}\n`).join('')}` : '';

export async function pruneContainers({ client }: Context, filters: Filter[]): Promise<Pruned> {
  const { ContainersDeleted, SpaceReclaimed } = await client.call<{
    ContainersDeleted?: string[] | null;
    SpaceReclaimed: number;
  }>('POST', '/containers/prune', { query: { filters: filterQuery(filters) } });
  return { freed: SpaceReclaimed, text: list('Deleted Containers', ContainersDeleted) };
}

export async function pruneNetworks({ client }: Context, filters: Filter[]): Promise<Pruned> {
  const { NetworksDeleted } = await client.call<{ NetworksDeleted: string[] | null }>('POST', '/networks/prune', {
    query: { filters: filterQuery(filters) },
  });
  return { freed: 0, text: list('Deleted Networks', NetworksDeleted) };
}

export async function pruneVolumes({ client }: Context, filters: Filter[]): Promise<Pruned> {
  const { VolumesDeleted, SpaceReclaimed } = await client.call<{
    VolumesDeleted: string[] | null;
    SpaceReclaimed: number;
  }>('POST', '/volumes/prune', { query: { filters: filterQuery(filters) } });
  return { freed: SpaceReclaimed, text: list('Deleted Volumes', VolumesDeleted) };
}

/** `all`: also images that have a name, but no container. */
export async function pruneImages({ client }: Context, filters: Filter[], all: boolean): Promise<Pruned> {
  const { ImagesDeleted, SpaceReclaimed } = await client.call<{
    ImagesDeleted: { Untagged?: string; Deleted?: string }[] | null;
    SpaceReclaimed: number;
  }>('POST', '/images/prune', {
    query: { filters: filterQuery([...filters, { name: 'dangling', value: String(!all) }]) },
  });
  const lines = ImagesDeleted?.map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
  );
  return { freed: SpaceReclaimed, text: list('Deleted Images', lines) };
}

/** `keepStorage`: bytes that may stay. */
export async function pruneBuilds(
  { client }: Context,
  filters: Filter[],
  { all, keepStorage }: { all: boolean; keepStorage?: number },
): Promise<Pruned> {
  const { CachesDeleted, SpaceReclaimed } = await client.call<{ CachesDeleted: string[]; SpaceReclaimed: number }>(
    'POST',
    '/build/prune',
    { query: { all, 'keep-storage': keepStorage, filters: filterQuery(filters) } },
  );
  const keys = CachesDeleted.map((key) => key.slice(7, 19));
  return { freed: SpaceReclaimed, text: list('Deleted build cache objects', keys) };
}
