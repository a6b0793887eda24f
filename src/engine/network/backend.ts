// The network half of what the API calls: finds the network, hands it to the verb. Runs in the daemon.

import type { NetworkBackend } from '../../api/backend.ts';
import type { Filters, NetworkCreateBody } from '../../api/types.ts';
import { connect, disconnect } from './connect.ts';
import { create } from './create.ts';
import { describe, list } from './inspect.ts';
import type { EndpointWish } from './record.ts';
import { prune, remove } from './remove.ts';
import type { NetworkRoom } from './room.ts';

export class Networks implements NetworkBackend {
  readonly #room: NetworkRoom;

  constructor(room: NetworkRoom) {
    this.#room = room;
  }

  create(body: NetworkCreateBody): Promise<{ Id: string; Warning: string }> {
    return create(this.#room, body);
  }

  async list(filters: Filters): Promise<object[]> {
    return list(this.#room, filters).map((record) => describe(this.#room, record, { containers: false }));
  }

  async inspect(text: string): Promise<object> {
    return describe(this.#room, this.#room.store.get(text), { containers: true });
  }

  async remove(text: string): Promise<void> {
    await remove(this.#room, this.#room.store.get(text));
  }

  prune(filters: Filters): Promise<object> {
    return prune(this.#room, filters);
  }

  async connect(text: string, { container, endpoint }: { container: string; endpoint: object }): Promise<void> {
    const record = this.#room.store.get(text);
    await connect(this.#room, record, {
      container: this.#room.containers.get(container),
      wish: endpoint as EndpointWish,
    });
  }

  async disconnect(text: string, { container }: { container: string }): Promise<void> {
    const record = this.#room.store.get(text);
    await disconnect(this.#room, record, { container: this.#room.containers.get(container) });
  }
}
