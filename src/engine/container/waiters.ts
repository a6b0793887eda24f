// Who waits for a container: for its next exit, or for its removal. Runs in the daemon.
// moby: daemon/container/state.go, Wait.

export interface WaitResult {
  StatusCode: number;
  Error?: { Message: string };
}

type Resolve = (result: WaitResult) => void;

export class Waiters {
  readonly #exit = new Set<Resolve>();
  readonly #removal = new Set<Resolve>();

  /** Calls `resolve` once, at the next exit or at the removal, whichever is first. Returns how to give up. */
  onExit(resolve: Resolve): () => void {
    this.#exit.add(resolve);
    return () => this.#exit.delete(resolve);
  }

  onRemoval(resolve: Resolve): () => void {
    this.#removal.add(resolve);
    return () => this.#removal.delete(resolve);
  }

  exited(result: WaitResult): void {
    settle(this.#exit, result);
  }

  /** A container can be removed that never ran: its exit waiters end too. */
  removed(result: WaitResult): void {
    settle(this.#removal, result);
    settle(this.#exit, result);
  }
}

function settle(waiting: Set<Resolve>, result: WaitResult): void {
  const all = [...waiting];
  waiting.clear();
  for (const resolve of all) resolve(result);
}
