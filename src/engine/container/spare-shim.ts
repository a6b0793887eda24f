// One shim that is there before its container: to start a process and to load its program takes a good part of what a whole
// start does. It waits for its arguments on its control connection, and ends with the daemon. Runs in the daemon.

import { spawnWithSocket, type Spawned } from '../../native/spawn.ts';
import { TO_SHIM } from '../../native/shim-protocol.ts';
import { encodeFrame } from './shim-frames.ts';

/** Bytes for the arguments to come: the shim writes them over those that it was started with, so that ps(1) shows them. */
const ROOM = 4000;

export class SpareShim {
  readonly program: string;
  #spare: Spawned | undefined;
  #coming = false;

  /** @param program path of punnet-shim */
  constructor(program: string) {
    this.program = program;
  }

  /** Starts one where there is none, after `pause` milliseconds. */
  prepare(pause = 0): void {
    setTimeout(() => void this.#begin(), pause).unref();
  }

  /** A shim with these arguments: the spare one, or one that is started now. @throws the errno of posix_spawn(3) */
  async take(args: string[]): Promise<Spawned> {
    const spawned = this.#spare ?? (await this.#spawn());
    if (spawned === this.#spare) this.#spare = undefined;
    spawned.socket.ref();
    spawned.socket.write(encodeFrame(TO_SHIM.arguments, Buffer.from(args.map((arg) => `${arg}\0`).join(''))));
    return spawned;
  }

  async #begin(): Promise<void> {
    if (this.#spare !== undefined || this.#coming) return;
    this.#coming = true;
    try {
      const spare = await this.#spawn();
      const forget = () => {
        if (this.#spare === spare) this.#spare = undefined;
      };
      // The daemon does not live for its sake.
      spare.socket.unref().on('error', forget).on('close', forget).resume();
      this.#spare = spare;
    } catch {
      // Whoever needs one starts it, and tells why that fails.
    } finally {
      this.#coming = false;
    }
  }

  #spawn(): Promise<Spawned> {
    return spawnWithSocket(this.program, ['spare', ' '.repeat(ROOM)]);
  }
}
