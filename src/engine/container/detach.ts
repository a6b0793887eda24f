// Watches what a client types for the detach keys. Keys that begin the sequence and do not complete it are passed on.
// Runs in the daemon. moby/term: proxy.go.

export const DEFAULT_DETACH_KEYS = '\x10\x11';

export class DetachWatch {
  readonly #keys: Buffer;
  #held = 0;

  /** `keys` as latin1 text; empty: nothing detaches */
  constructor(keys: string) {
    this.#keys = Buffer.from(keys, 'latin1');
  }

  /** The bytes to pass on, and whether the sequence is complete (what follows it is dropped). */
  push(chunk: Buffer): { pass: Buffer; detached: boolean } {
    if (this.#keys.length === 0) return { pass: chunk, detached: false };
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#held]) {
        this.#held++;
        if (this.#held === this.#keys.length) return { pass: Buffer.from(pass), detached: true };
        continue;
      }
      pass.push(...this.#keys.subarray(0, this.#held));
      this.#held = byte === this.#keys[0] ? 1 : 0;
      if (this.#held === 0) pass.push(byte);
      else if (this.#keys.length === 1) return { pass: Buffer.from(pass), detached: true };
    }
    return { pass: Buffer.from(pass), detached: false };
  }
}
