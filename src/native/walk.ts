// Walks a plan in this process: clone3 and what follows, for the launcher, the holder and punnet-runc. Must be called on
// Node's main thread; blocks it until the parent's ops are done and the child is held or has execed (a few milliseconds).

import { NativeWalk } from './addon.ts';
import { planError, encodePlan } from './plan.ts';
import type { OpReport, Plan } from './ops.ts';

export interface Walk {
  /** pid of the child, in this process's pid namespace; 0 when the plan clones none */
  pid: number;
  /** Starts a child that the plan holds in its last `await`; returns when execve has worked. @throws internal: the op that failed */
  release(): void;
  /** Every op that ran, with what it took. */
  report(): OpReport[];
  /** Resolves when the child has ended; `exitCode` is 128 + signal when a signal ended it. May be called once. */
  wait(): Promise<{ exitCode: number; signal: number }>;
  /** As `wait`, but blocks this process. */
  waitHere(): number;
  /** From now on the child gets every signal that this process is sent, until waitHere has seen its end; nobody else does. */
  forwardSignals(): void;
  /** The descriptor that the child sent (its terminal's master), now the caller's to close; undefined when it sent none. */
  received(): number | undefined;
  /** Race-free until wait() has resolved. */
  kill(signal: number): void;
  /** Gives back descriptors without waiting for the child: a holder lives on. */
  close(): void;
}

/**
 * Runs the parent's ops of `plan`, and the child's until it is held or has execed.
 * @param slots descriptors for the plan by slot; they are duplicated
 * @throws internal naming the op that failed; the child is gone then
 */
export function walk(plan: Plan, { slots = {} }: { slots?: Record<number, number> } = {}): Walk {
  const native = new NativeWalk(
    encodePlan(plan),
    Object.entries(slots).map(([slot, fd]) => [Number(slot), fd]),
  );
  const report = () => native.report().ops.map(([index, errno, ns]): OpReport => ({ index, errno, ns }));
  const check = () => {
    const { failed, ops } = native.report();
    if (failed < 0) return;
    native.close();
    throw planError(plan, failed, ops.find(([index]) => index === failed)?.[1] ?? 0);
  };
  const pid = native.begin();
  check();
  return {
    pid,
    release: () => {
      native.release();
      check();
    },
    report,
    wait: async () => {
      const [exitCode, signal] = await native.wait();
      native.close();
      return { exitCode, signal };
    },
    waitHere: () => native.waitHere()[0],
    forwardSignals: () => native.forwardSignals(),
    received: () => {
      const fd = native.received();
      return fd < 0 ? undefined : fd;
    },
    kill: (signal) => void native.kill(signal),
    close: () => native.close(),
  };
}
