// What really ran, from the plan and the walker's report: each op as a system call (as strace prints it), its errno, its
// microseconds, and the shell command that does the same. Cannot drift from the code, since the plan is what was walked.
// Pure; runs in the daemon. strace(1), mount(8), setpriv(1)

import type { ExplainedOp } from '../base/explained-op.ts';
import { errnoName } from './constants.ts';
import type { OpReport, Plan } from './ops.ts';
import { describeCall } from './explain-call.ts';
import { newShell, shellCommand } from './explain-shell.ts';

/**
 * The ops that ran, in the order in which they began.
 * @param pid what `%child` stood for; absent: it is shown as it is in the plan
 */
export function explainPlan(plan: Plan, report: readonly OpReport[], pid?: number): ExplainedOp[] {
  const shell = newShell(pid);
  const shells = plan.ops.map((op) => shellCommand(op, shell));
  return report.map(({ index, errno, ns }) => {
    const op = plan.ops[index]!;
    return {
      step: index + 1,
      who: op.who,
      op: op.op,
      call: describeCall(op, pid),
      microseconds: Math.max(0, Number(ns)) / 1000,
      errno: errno === 0 ? null : errnoName(errno),
      shell: shells[index]!,
    };
  });
}
