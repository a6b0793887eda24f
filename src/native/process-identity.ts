// Names a process for longer than its pid lasts: pid and start time together are never given twice in one boot.
// proc_pid_stat(5), field 22. Runs outside the namespaces and inside, as any uid; /proc/PID/stat is readable to all.

import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** clock ticks since boot, as text since it may exceed 2^53 */
  startTime: string;
}

/** The start time of a living process; undefined when there is none, or only a zombie. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // ENOENT or ESRCH: it ended
  }
  // after the last ')', because a process may have any bytes in its name
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Whether exactly this process still lives. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return startTimeOf(pid) === startTime;
}
