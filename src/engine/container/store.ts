// All containers in memory, found as clients name them: full id, name, or an unambiguous start of an id.
// Runs in the daemon. moby: daemon/container.go, GetContainer.

import { conflict, invalidArgument, notFound } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { checkName, suggestName } from './name.ts';

export class ContainerStore {
  readonly #byId = new Map<string, Container>();
  /** name → id; holds a name from the moment that it is promised */
  readonly #names = new Map<string, string>();

  /** @throws notFound "No such container: x"; invalidArgument for an ambiguous prefix */
  get(text: string): Container {
    const found = this.find(text);
    if (found === undefined) throw notFound(`No such container: ${text}`);
    return found;
  }

  /** Like get, but undefined when there is none. */
  find(text: string): Container | undefined {
    const exact = this.#byId.get(text) ?? this.byName(text.replace(/^\//, ''));
    if (exact !== undefined || !/^[0-9a-f]+$/.test(text)) return exact;
    const matches = [...this.#byId.keys()].filter((id) => id.startsWith(text));
    if (matches.length > 1) throw invalidArgument(`multiple IDs found with provided prefix: ${text}`);
    return matches.length === 0 ? undefined : this.#byId.get(matches[0]!);
  }

  byName(name: string): Container | undefined {
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  all(): Container[] {
    return [...this.#byId.values()];
  }

  get size(): number {
    return this.#byId.size;
  }

  add(container: Container): void {
    this.#byId.set(container.id, container);
    this.#names.set(container.name, container.id);
  }

  /** Forgets the container and frees its name. */
  delete(container: Container): void {
    this.#byId.delete(container.id);
    this.releaseName(container.name, container.id);
  }

  /** Promises a name to `id`; makes one up when `wanted` is undefined. @throws invalidArgument, conflict with Docker's texts */
  reserveName(id: string, wanted: string | undefined): string {
    if (wanted !== undefined) {
      const name = checkName(wanted);
      const owner = this.#names.get(name);
      if (owner !== undefined) {
        throw conflict(
          `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
            'You have to remove (or rename) that container to be able to reuse that name.',
        );
      }
      this.#names.set(name, id);
      return name;
    }
    for (let attempt = 0; attempt < 6; attempt++) {
      const name = suggestName(attempt);
      if (this.#names.has(name)) continue;
      this.#names.set(name, id);
      return name;
    }
    this.#names.set(id.slice(0, 12), id);
    return id.slice(0, 12);
  }

  /** Frees a name that `id` holds; no effect when another container holds it. */
  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }
}
