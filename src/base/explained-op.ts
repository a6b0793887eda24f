// One op of a plan as `--explain` shows it: made by src/native/explain.ts, carried by the API, printed by the CLI. Types only.

export interface ExplainedOp {
  /** from 1, in the order of the plan */
  step: number;
  who: 'parent' | 'child';
  op: string;
  /** `mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)` */
  call: string;
  microseconds: number;
  /** `EEXIST`; null when the call succeeded */
  errno: string | null;
  /** the equivalent command in a shell, or a comment where a shell has none */
  shell: string;
}
