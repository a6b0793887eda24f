// All networks in memory, found by name, id or the beginning of an id, and the endpoints that are in use. Runs in the daemon.

import { conflict, invalidArgument, notFound } from '../../base/errors.ts';
import type { Endpoint, NetworkRecord } from './record.ts';

export class NetworkStore {
  readonly #byId = new Map<string, NetworkRecord>();
  /** network → endpoint → who has it */
  readonly #endpoints = new Map<string, Map<string, { endpoint: Endpoint; container: string }>>();

  all(): NetworkRecord[] {
    return [...this.#byId.values()];
  }

  add(record: NetworkRecord): void {
    this.#byId.set(record.id, record);
  }

  delete(record: NetworkRecord): void {
    this.#byId.delete(record.id);
    this.#endpoints.delete(record.id);
  }

  byName(name: string): NetworkRecord | undefined {
    return this.all().find((record) => record.name === name);
  }

  /** @throws notFound "network x not found"; invalidArgument for an ambiguous prefix */
  get(text: string): NetworkRecord {
    const found = this.find(text);
    if (found === undefined) throw notFound(`network ${text} not found`);
    return found;
  }

  find(text: string): NetworkRecord | undefined {
    const exact = this.#byId.get(text) ?? this.byName(text);
    if (exact !== undefined || !/^[0-9a-f]+$/.test(text)) return exact;
    const matches = this.all().filter(({ id }) => id.startsWith(text));
    if (matches.length > 1) {
      throw invalidArgument(`network ${text} is ambiguous (${matches.length} matches found based on ID prefix)`);
    }
    return matches[0];
  }

  /** @throws conflict for a name that is taken */
  checkFree(name: string): void {
    if (this.byName(name) !== undefined) throw conflict(`network with name ${name} already exists`);
  }

  /** Marks an endpoint as in use by a container: its addresses are nobody else's until `release`. */
  use(endpoint: Endpoint, container: string): void {
    const map = this.#endpoints.get(endpoint.networkId) ?? new Map<string, { endpoint: Endpoint; container: string }>();
    map.set(endpoint.id, { endpoint, container });
    this.#endpoints.set(endpoint.networkId, map);
  }

  release(endpoint: Endpoint): void {
    this.#endpoints.get(endpoint.networkId)?.delete(endpoint.id);
  }

  /** Endpoints of a network that are in use, with the ids of their containers. */
  endpoints(record: NetworkRecord): { endpoint: Endpoint; container: string }[] {
    return [...(this.#endpoints.get(record.id)?.values() ?? [])];
  }
}
