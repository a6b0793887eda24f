// What a health check's results make of a container's health, and when the next check is due. Pure. Runs in the daemon.
// moby: daemon/health.go, handleProbeResult, monitor.

import type { HealthcheckBody } from '../../api/types.ts';

export interface HealthResult {
  /** RFC 3339 with nanoseconds */
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

export interface HealthState {
  Status: 'starting' | 'healthy' | 'unhealthy';
  FailingStreak: number;
  /** the last five, oldest first */
  Log: HealthResult[];
}

export const DEFAULT_INTERVAL = 30_000;
const DEFAULT_START_INTERVAL = 5_000;
const DEFAULT_RETRIES = 3;
const KEPT = 5;

/** The command of a check; undefined when there is none. `CMD-SHELL` goes through the image's shell. */
export function probeCommand(
  check: HealthcheckBody | null | undefined,
  shell: string[] | null | undefined,
): string[] | undefined {
  const [kind, ...words] = check?.Test ?? [];
  if (words.length === 0) return undefined;
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return [...(shell?.length ? shell : ['/bin/sh', '-c']), ...words];
  return undefined;
}

/** @param ran milliseconds from the start of the container to the start of the check */
export function judge(
  state: HealthState,
  result: HealthResult,
  { check, ran }: { check: HealthcheckBody; ran: number },
): HealthState {
  const log = [...state.Log, result].slice(-KEPT);
  if (result.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log: log };
  // While it starts, a failure is no news.
  if (state.Status === 'starting' && ran < milliseconds(check.StartPeriod)) return { ...state, Log: log };
  const streak = state.FailingStreak + 1;
  const retries = check.Retries ? check.Retries : DEFAULT_RETRIES;
  return { Status: streak >= retries ? 'unhealthy' : state.Status, FailingStreak: streak, Log: log };
}

/** Milliseconds to the next check. @param ran milliseconds since the start of the container */
export function nextCheck(state: HealthState, check: HealthcheckBody, ran: number): number {
  const interval = milliseconds(check.Interval) || DEFAULT_INTERVAL;
  const left = milliseconds(check.StartPeriod) - ran;
  if (left <= 0 || state.Status !== 'starting') return interval;
  return Math.min(milliseconds(check.StartInterval) || DEFAULT_START_INTERVAL, Math.max(left, 1));
}

export function milliseconds(nanoseconds: number | undefined): number {
  return (nanoseconds ?? 0) / 1e6;
}
