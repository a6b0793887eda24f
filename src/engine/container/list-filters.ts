// Filters of `ps`: which there are, what they accept, what they match. Runs in the daemon. moby: daemon/list.go, foldFilter.

import type { Filters } from '../../api/types.ts';
import { invalidArgument, notFound } from '../../base/errors.ts';
import { labelMatches } from '../events.ts';
import type { Container } from './container.ts';
import { portMap } from './network-view.ts';
import { NEVER } from './record.ts';
import type { Room } from './room.ts';

const KNOWN =
  'ancestor before exited expose health id is-task isolation label name network publish since status volume'.split(' ');
const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const HEALTH = ['none', 'starting', 'healthy', 'unhealthy'];

export interface PsFilters {
  status: string[] | undefined;
  before: Container | undefined;
  since: Container | undefined;
  matches(container: Container): boolean;
}

/** @throws invalidArgument, notFound */
export async function parsePsFilters(room: Room, filters: Filters): Promise<PsFilters> {
  for (const name of Object.keys(filters)) {
    if (!KNOWN.includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  }
  const status = filters.status;
  for (const value of status ?? []) {
    if (!STATES.includes(value)) {
      throw invalidArgument(
        `invalid filter 'status=${value}': invalid value for state (${value}): must be one of ${STATES.join(', ')}`,
      );
    }
  }
  for (const value of filters.health ?? []) {
    if (!HEALTH.includes(value)) {
      throw invalidArgument(
        `invalid filter 'health=${value}': invalid value for health (${value}): must be one of ${HEALTH.join(', ')}`,
      );
    }
  }
  const exited = (filters.exited ?? []).map((value) => {
    if (/^-?\d+$/.test(value)) return Number(value);
    throw invalidArgument(
      `invalid filter 'exited=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
    );
  });
  const expose = ports('expose', filters.expose);
  const publish = ports('publish', filters.publish);
  const images = await ancestors(room, filters.ancestor);
  const tests: ((container: Container) => boolean)[] = [
    (c) => any(filters.name, (value) => nameMatches(c.name, value)),
    (c) => any(filters.id, (value) => c.id.startsWith(value)),
    (c) => (filters.label ?? []).every((label) => labelMatches(c.record.config.Labels ?? {}, label)),
    (c) => any(status, (value) => c.state.status === value),
    (c) => any(filters.health, (value) => value === (c.state.health?.Status ?? 'none')),
    () => any(filters['is-task'], (value) => ['0', 'false'].includes(value.toLowerCase())),
    (c) => images === undefined || images.has(c.record.imageId),
    (c) =>
      filters.exited === undefined || (!c.running && c.state.startedAt !== NEVER && exited.includes(c.state.exitCode)),
    (c) =>
      any(filters.volume, (value) =>
        c.record.mounts.some((mount) => [mount.Destination, mount.Name ?? mount.Source].includes(value)),
      ),
    (c) => any(filters.network, (value) => isConnected(room, c, value)),
    (c) =>
      expose === undefined && publish === undefined
        ? true
        : Object.entries(portMap(c)).some(
            ([port, bindings]) =>
              expose?.has(port) === true || (publish?.has(port) === true && (bindings ?? []).length > 0),
          ),
  ];
  return {
    status,
    before: one(room, filters.before),
    since: one(room, filters.since),
    matches: (container) => tests.every((test) => test(container)),
  };
}

/** By name, id, or the beginning of an id. */
function isConnected(room: Room, container: Container, network: string): boolean {
  const names = Object.keys(container.record.endpoints);
  return names.some((name) => name === network || room.networks.store.byName(name)?.id.startsWith(network) === true);
}

function any(values: string[] | undefined, test: (value: string) => boolean): boolean {
  return values === undefined || values.length === 0 || values.some(test);
}

/** A regular expression, matched with and without the leading slash; the text itself where it is none. */
function nameMatches(name: string, wanted: string): boolean {
  if (name === wanted || `/${name}` === wanted) return true;
  try {
    // Go's regular expressions cannot blow up; a length limit keeps ours from it too.
    const expression = new RegExp(wanted.slice(0, 200));
    return expression.test(`/${name}`) || expression.test(name);
  } catch {
    return false;
  }
}

function one(room: Room, values: string[] | undefined): Container | undefined {
  const value = values?.at(-1);
  if (value === undefined) return undefined;
  const found = room.store.find(value);
  if (found === undefined) throw notFound(`No such container: ${value}`);
  return found;
}

async function ancestors(room: Room, values: string[] | undefined): Promise<Set<string> | undefined> {
  if (values === undefined) return undefined;
  const ids = new Set<string>();
  for (const value of values) {
    try {
      ids.add((await room.images.resolve(value)).id);
    } catch {
      // An image that is not here has no containers.
    }
  }
  return ids;
}

/** `80`, `80/udp`, `80-82/tcp` as `port/protocol`. */
function ports(key: string, values: string[] | undefined): Set<string> | undefined {
  if (values === undefined) return undefined;
  const result = new Set<string>();
  for (const value of values) {
    if (value.includes(':')) throw invalidArgument(`filter for '${key}' should not contain ':': ${value}`);
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > 65_535) {
      throw invalidArgument(`error while looking up for ${key} ${value}: invalid port range`);
    }
    for (let port = first; port <= last; port++) result.add(`${port}/${match[3] ?? 'tcp'}`);
  }
  return result;
}
