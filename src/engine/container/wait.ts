// `wait`: for the end of a container, its next end, or its removal. Runs in the daemon. moby: daemon/wait.go.

import type { Container } from './container.ts';
import type { WaitResult } from './waiters.ts';

export interface WaitOptions {
  condition: 'not-running' | 'next-exit' | 'removed';
  signal: AbortSignal;
  /** called once the waiter is registered */
  ready(): void;
}

/** Resolves at the condition; with status -1 when the client went away. */
export function wait(container: Container, options: WaitOptions): Promise<WaitResult> {
  const { condition, signal, ready } = options;
  const result = new Promise<WaitResult>((resolve) => {
    if (condition === 'not-running' && !container.running) {
      const { exitCode, error } = container.state;
      resolve({ StatusCode: exitCode, ...(error === '' ? {} : { Error: { Message: error } }) });
      return;
    }
    const { waiters } = container;
    const giveUp = condition === 'removed' ? waiters.onRemoval(resolve) : waiters.onExit(resolve);
    signal.addEventListener('abort', () => {
      giveUp();
      resolve({ StatusCode: -1, Error: { Message: 'context canceled' } });
    });
  });
  ready();
  return result;
}
