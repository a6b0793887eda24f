// Work that several callers want at once is done once: all see its reports, and it is aborted when the last of them leaves.
// Pure.

interface Running<T, R> {
  done: Promise<T>;
  abort: AbortController;
  watchers: Set<(report: R) => void>;
  last?: R;
}

export interface Watch<R> {
  signal: AbortSignal;
  report(report: R): void;
}

export class SharedWork<T, R> {
  readonly #running = new Map<string, Running<T, R>>();

  /**
   * Runs `work` under `key`, or joins the run that is under way; a latecomer is told its last report.
   * @throws what work throws; the caller's own abort reason
   */
  async run(
    key: string,
    work: (signal: AbortSignal, report: (report: R) => void) => Promise<T>,
    watch: Watch<R>,
  ): Promise<T> {
    watch.signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(key, work);
    const watcher = (report: R) => watch.report(report);
    if (running.last !== undefined) watcher(running.last);
    running.watchers.add(watcher);
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(watch.signal.reason as Error);
      watch.signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([running.done, left]);
    } finally {
      watch.signal.removeEventListener('abort', leave);
      running.watchers.delete(watcher);
      if (running.watchers.size === 0) {
        // Nobody is left to join what is being aborted: the next caller starts anew.
        if (this.#running.get(key) === running) this.#running.delete(key);
        running.abort.abort(watch.signal.reason ?? new Error('nobody waits for it'));
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal, report: (report: R) => void) => Promise<T>): Running<T, R> {
    const abort = new AbortController();
    const watchers = new Set<(report: R) => void>();
    const running: Running<T, R> = { abort, watchers, done: undefined as never };
    running.done = work(abort.signal, (report) => {
      running.last = report;
      for (const watcher of watchers) watcher(report);
    }).finally(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    // Every caller may have left; those who stayed get the failure from the same promise.
    running.done.catch(() => {});
    this.#running.set(key, running);
    return running;
  }
}
