// The bus of events, and the body of `GET /events`: what happened to which object, live and for the last 256 events.
// Runs in the daemon. moby: daemon/events, daemon/events/filter.go.

import type { Filters } from '../api/types.ts';
import { nowNanoseconds } from './clock.ts';

const KEPT = 256;

export interface EventActor {
  ID: string;
  Attributes: Record<string, string>;
}

export interface Event {
  Type: 'container' | 'image' | 'volume' | 'network' | 'daemon';
  Action: string;
  Actor: EventActor;
  scope: 'local';
  /** seconds */
  time: number;
  timeNano: number;
  /** the same as Action, ID and image, for clients from before API 1.22 */
  status?: string;
  id?: string;
  from?: string;
}

export class EventBus {
  readonly #past: Event[] = [];
  readonly #listeners = new Set<(event: Event) => void>();

  /** Tells everyone who listens. */
  publish(type: Event['Type'], action: string, actor: EventActor): void {
    const now = nowNanoseconds();
    const event: Event = {
      ...(type === 'container' || type === 'image' ? { status: action, id: actor.ID } : {}),
      ...(type === 'container' ? { from: actor.Attributes.image ?? '' } : {}),
      Type: type,
      Action: action,
      Actor: actor,
      scope: 'local',
      time: Number(now / 1_000_000_000n),
      timeNano: Number(now),
    };
    this.#past.push(event);
    if (this.#past.length > KEPT) this.#past.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Past events from `since` (only when given), then live ones until `until` or abort; times in milliseconds since the epoch. */
  async stream(options: {
    since?: number;
    until?: number;
    filters: Filters;
    signal: AbortSignal;
    emit(event: Event): void;
  }): Promise<void> {
    const { since, until, filters, signal, emit } = options;
    const listener = (event: Event) => {
      if (matches(event, filters)) emit(event);
    };
    if (since !== undefined) {
      const inTime = (event: Event) =>
        event.timeNano >= since * 1e6 && (until === undefined || event.timeNano <= until * 1e6);
      this.#past.filter(inTime).forEach(listener);
    }
    const left = until === undefined ? undefined : until - Date.now();
    if (left !== undefined && left <= 0) return;
    this.#listeners.add(listener);
    try {
      await ended(signal, left);
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

function ended(signal: AbortSignal, milliseconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = milliseconds === undefined ? undefined : setTimeout(resolve, Math.min(milliseconds, 2 ** 31 - 1));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function matches(event: Event, filters: Filters): boolean {
  const { Attributes, ID } = event.Actor;
  const any = (name: string, test: (value: string) => boolean) => {
    const values = filters[name];
    return values === undefined || values.length === 0 || values.some(test);
  };
  const object = (type: Event['Type']) => (value: string) =>
    event.Type === type && (ID.startsWith(value) || Attributes.name === value);
  return (
    any('type', (value) => event.Type === value) &&
    any('event', (value) => event.Action === value || event.Action.startsWith(`${value}:`)) &&
    any('scope', (value) => value === 'local') &&
    any('container', object('container')) &&
    any('volume', object('volume')) &&
    any('network', object('network')) &&
    any('image', (value) => ID === value || Attributes.name === value || Attributes.image === value) &&
    (filters.label ?? []).every((label) => labelMatches(Attributes, label))
  );
}

/** `key` or `key=value`. */
export function labelMatches(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(equals + 1);
}
