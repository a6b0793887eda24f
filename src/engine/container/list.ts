// `ps`: the containers that match, newest first. Runs in the daemon. moby: daemon/list.go.

import type { Filters } from '../../api/types.ts';
import { parseRfc3339 } from '../clock.ts';
import type { Container } from './container.ts';
import { parsePsFilters, type PsFilters } from './list-filters.ts';
import { endpoints, portList } from './network-view.ts';
import type { Room } from './room.ts';
import { statusText } from './status-text.ts';

export interface ListOptions {
  all: boolean;
  limit?: number;
  size: boolean;
  filters: Filters;
}

/** @throws invalidArgument for filters that Docker does not know; notFound for `before` and `since` of no container */
export async function list(room: Room, options: ListOptions): Promise<object[]> {
  const filters = await parsePsFilters(room, options.filters);
  const sorted = room.store
    .all()
    .toSorted((a, b) => Number(parseRfc3339(b.record.created) - parseRfc3339(a.record.created)));
  const limit = options.limit !== undefined && options.limit > 0 ? options.limit : Infinity;
  const selected = select(sorted, filters, {
    all: options.all || filters.status !== undefined || limit < Infinity,
    limit,
  });
  const names = new Map<string, Promise<string>>();
  return Promise.all(selected.map((container) => summary(room, container, { size: options.size, names })));
}

function select(sorted: Container[], filters: PsFilters, options: { all: boolean; limit: number }): Container[] {
  const selected: Container[] = [];
  let before = filters.before;
  for (const container of sorted) {
    if (before !== undefined) {
      if (container === before) before = undefined;
      continue;
    }
    if (container === filters.since || selected.length >= options.limit) break;
    if ((options.all || container.running) && filters.matches(container)) selected.push(container);
  }
  return selected;
}

async function summary(
  room: Room,
  container: Container,
  { size, names }: { size: boolean; names: Map<string, Promise<string>> },
): Promise<object> {
  const { record, state } = container;
  const usage = size ? room.snapshots.usage(record.id, record.diffIDs) : undefined;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: await imageName(room, container, names),
    ImageID: record.imageId,
    Command: commandText(record.path, record.args),
    Created: Number(parseRfc3339(record.created) / 1_000_000_000n),
    Ports: portList(container),
    ...(usage === undefined ? {} : { SizeRw: usage.writable, SizeRootFs: usage.writable + usage.image }),
    Labels: record.config.Labels ?? {},
    State: state.status,
    Status: statusText(state),
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(record.hostConfig.Annotations === undefined ? {} : { Annotations: record.hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: endpoints(room.networks.store, container) },
    Mounts: record.mounts,
  };
}

/** The name that the client gave, or the id when that name means another image by now. */
function imageName(room: Room, container: Container, names: Map<string, Promise<string>>): Promise<string> {
  const { config, imageId } = container.record;
  const reference = config.Image ?? '';
  if (reference === imageId) return Promise.resolve(reference);
  const known = names.get(reference) ?? Promise.resolve(currentId(room, reference));
  names.set(reference, known);
  return known.then((id) => (id === imageId ? reference : imageId));
}

async function currentId(room: Room, reference: string): Promise<string> {
  try {
    return (await room.images.resolve(reference)).id;
  } catch {
    return '';
  }
}

/** Arguments with spaces come in quotes. moby: daemon/container/view.go */
function commandText(path: string, args: string[]): string {
  const quoted = args.map((argument) => (argument.includes(' ') ? `'${argument}'` : argument));
  return args.length === 0 ? path : `${path} ${quoted.join(' ')}`;
}
