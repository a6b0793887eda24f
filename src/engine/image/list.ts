// `images`: summaries, filtered as Docker filters, newest first. Runs in the daemon. moby: daemon/images/images.go

import type { Filters } from '../../api/types.ts';
import type { ImageConfig } from '../../base/oci-image.ts';
import { invalidArgument } from '../../base/errors.ts';
import { globMatches } from './glob.ts';
import { configOf, find, isDigestName, repositoryOf, shown, sizeOf, type ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';
import { layerShares } from './usage.ts';

const KNOWN = new Set(['dangling', 'label', 'label!', 'before', 'since', 'until', 'reference']);

export interface Summary {
  Containers: number;
  /** seconds since the epoch */
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[];
  RepoTags: string[];
  SharedSize: number;
  Size: number;
}

/** @throws invalidArgument for a filter that is unknown or has no sense; notFound for `before` and `since` */
export function list(room: ImageRoom, options: { filters: Filters; measured?: boolean }): Summary[] {
  const { filters } = options;
  const passes = filter(room, filters);
  const shares = options.measured ? layerShares(room) : undefined;
  const summaries: Summary[] = [];
  for (const record of room.store.list()) {
    let config: ImageConfig;
    try {
      config = configOf(room, record.id);
    } catch {
      // Its config is missing or corrupt: `system check` names it; the others are still listed.
      continue;
    }
    const names = passes({ record, config });
    if (!names) continue;
    summaries.push({
      Containers: options.measured ? room.usersOf(record.id).length : -1,
      Created: Math.floor(createdMs(config) / 1000),
      Id: record.id,
      Labels: config.config?.Labels ?? null,
      ParentId: '',
      RepoDigests: names.filter(isDigestName).map(shown),
      RepoTags: names.filter((name) => !isDigestName(name)).map(shown),
      SharedSize: shares ? shares.sharedSize(record) : -1,
      Size: sizeOf(room, record),
    });
  }
  return summaries.sort((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1));
}

/** Milliseconds since the epoch; 0 for a config without a date. */
export function createdMs(config: ImageConfig): number {
  const time = Date.parse(config.created ?? '');
  return Number.isNaN(time) ? 0 : time;
}

type Filter = (image: { record: ImageRecord; config: ImageConfig }) => string[] | undefined;

/** A function that gives the names to show for an image, or undefined when it is filtered out. */
function filter(room: ImageRoom, filters: Filters): Filter {
  for (const name of Object.keys(filters)) if (!KNOWN.has(name)) throw invalidArgument(`invalid filter '${name}'`);
  const dangling = booleanOf(filters, 'dangling');
  const earliest = timesOf(room, filters.since);
  const latest = timesOf(room, filters.before);
  const until = filters.until?.map(untilMs) ?? [];
  const patterns = filters.reference;
  return ({ record, config }) => {
    const created = createdMs(config);
    if (latest.some((time) => created >= time) || earliest.some((time) => created <= time)) return undefined;
    if (until.some((time) => created >= time)) return undefined;
    const labels = config.config?.Labels ?? {};
    if (!(filters.label ?? []).every((label) => hasLabel(labels, label))) return undefined;
    if ((filters['label!'] ?? []).some((label) => hasLabel(labels, label))) return undefined;
    let names = room.store.namesOf(record.id);
    if (patterns) names = names.filter((name) => patterns.some((pattern) => referenceMatches(pattern, name)));
    if (names.length === 0) return patterns || dangling === false ? undefined : names;
    return dangling === true && names.some((name) => !isDigestName(name)) ? undefined : names;
  };
}

function booleanOf(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (!values || values.length === 0) return undefined;
  const truth = values.map((value) => ({ true: true, '1': true, false: false, '0': false })[value]);
  if (truth.length !== 1 || truth[0] === undefined)
    throw invalidArgument(`invalid filter '${name}=[${values.join(' ')}]'`);
  return truth[0];
}

function timesOf(room: ImageRoom, references: string[] | undefined): number[] {
  return (references ?? []).map((text) => createdMs(configOf(room, find(room, text).id)));
}

/** `10m`, `2h30m`, seconds since the epoch, or a date → milliseconds since the epoch. */
function untilMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    const unit: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
    return Date.now() - parts.reduce((sum, [, count, name]) => sum + Number(count) * unit[name!]!, 0);
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw invalidArgument(`invalid filter 'until=[${text}]'`);
  return time;
}

/** `key` or `key=value`. */
function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}

/** reference.FamiliarMatch: the pattern against `busybox:latest` and against `busybox`. */
function referenceMatches(pattern: string, name: string): boolean {
  return globMatches(pattern, shown(name)) || globMatches(pattern, repositoryOf(name));
}
