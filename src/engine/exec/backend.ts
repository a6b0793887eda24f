// The exec half of what the API calls: finds the exec, hands it to the verb. Runs in the daemon.

import type { ExecBackend, ExecStartOptions } from '../../api/backend.ts';
import type { ExecBody } from '../../api/types.ts';
import type { Room } from '../container/room.ts';
import { createExec, sizeOf } from './create.ts';
import { inspectExec } from './inspect.ts';
import { resizeExec } from './resize.ts';
import { startAttached, startDetached } from './start.ts';

export class Execs implements ExecBackend {
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  async create(container: string, body: ExecBody, options: { detachKeys: string | undefined }) {
    return createExec(this.#room, container, { body, ...options });
  }

  start(id: string, { body, open }: ExecStartOptions): Promise<void> {
    const options = { tty: body.Tty === true, ...sizeOf(body.ConsoleSize) };
    return body.Detach === true
      ? startDetached(this.#room, id, options)
      : startAttached(this.#room, id, { ...options, open });
  }

  async inspect(id: string): Promise<object> {
    return inspectExec(this.#room.execs.get(id));
  }

  resize(id: string, size: { rows: number; columns: number }): Promise<void> {
    return resizeExec(this.#room, id, size);
  }
}
