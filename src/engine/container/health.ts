// Health checks: runs a container's check over and over while it runs, and tells what it finds. The state is the container's and
// lies with it on disk, so that the next daemon goes on where this one ended. Runs in the daemon. moby: daemon/health.go.

import { messageOf } from '../../base/errors.ts';
import { nowNanoseconds, parseRfc3339, rfc3339 } from '../clock.ts';
import { runInContainer } from '../exec/run.ts';
import type { Container } from './container.ts';
import { DEFAULT_INTERVAL, judge, milliseconds, nextCheck, probeCommand, type HealthResult } from './health-state.ts';
import type { Room } from './room.ts';

const DEFAULT_TIMEOUT = DEFAULT_INTERVAL;
/** bytes of a check's output that are kept */
const OUTPUT = 4096;

/** Of one container's run. */
interface Watch {
  timer: NodeJS.Timeout | undefined;
  stopped: boolean;
}

export class HealthChecks {
  readonly #watches = new Map<Container, Watch>();
  #room!: Room;

  /** The room that this is part of. */
  serve(room: Room): void {
    this.#room = room;
  }

  /** The container has started: its health begins anew. */
  begin(container: Container): void {
    if (commandOf(container) === undefined) return;
    container.change({ health: { Status: 'starting', FailingStreak: 0, Log: container.state.health?.Log ?? [] } });
    this.watch(container);
  }

  /** Checks from now on, where a check is asked for. */
  watch(container: Container): void {
    if (commandOf(container) === undefined || container.state.health === undefined) return;
    this.#end(container);
    const watch: Watch = { timer: undefined, stopped: false };
    this.#watches.set(container, watch);
    this.#schedule(container, watch);
  }

  /** Checks no more. Nobody looks after it now, which Docker calls unhealthy. */
  stop(container: Container): void {
    if (this.#end(container) && container.state.health !== undefined) container.state.health.Status = 'unhealthy';
  }

  #end(container: Container): boolean {
    const watch = this.#watches.get(container);
    if (watch === undefined) return false;
    watch.stopped = true;
    clearTimeout(watch.timer);
    this.#watches.delete(container);
    return true;
  }

  #schedule(container: Container, watch: Watch): void {
    const { health } = container.state;
    const check = container.record.config.Healthcheck!;
    watch.timer = setTimeout(
      () => {
        void this.#check(container, watch)
          .catch((error: unknown) => this.#room.log(`health check of ${container.id}: ${messageOf(error)}`))
          .finally(() => {
            if (!watch.stopped) this.#schedule(container, watch);
          });
      },
      nextCheck(health!, check, ranFor(container)),
    );
    // A daemon that has nothing else to do may end.
    watch.timer.unref();
  }

  async #check(container: Container, watch: Watch): Promise<void> {
    const ran = ranFor(container);
    const result = await this.#probe(container);
    if (watch.stopped) return;
    const check = container.record.config.Healthcheck!;
    const before = container.state.health!;
    const after = judge(before, result, { check, ran });
    container.change({ health: after });
    if (after.Status !== before.Status) this.#room.publish(container, `health_status: ${after.Status}`);
  }

  async #probe(container: Container): Promise<HealthResult> {
    const Start = rfc3339(nowNanoseconds());
    const done = (ExitCode: number, Output: string) => ({ Start, End: rfc3339(nowNanoseconds()), ExitCode, Output });
    const timeout = milliseconds(container.record.config.Healthcheck!.Timeout) || DEFAULT_TIMEOUT;
    try {
      const { exitCode, output, late } = await runInContainer(this.#room, container, {
        command: commandOf(container)!,
        limits: { milliseconds: timeout, bytes: OUTPUT },
      });
      if (!late) return done(exitCode, output);
      const what = `Health check exceeded timeout (${durationText(timeout)})`;
      return done(-1, output === '' ? what : `${what}: ${output}`);
    } catch (error) {
      return done(-1, messageOf(error));
    }
  }
}

function commandOf(container: Container): string[] | undefined {
  const { Healthcheck, Shell } = container.record.config;
  return probeCommand(Healthcheck, Shell);
}

function ranFor(container: Container): number {
  return Number(nowNanoseconds() - parseRfc3339(container.state.startedAt)) / 1e6;
}

/** As Go prints it: `1m30s`, `500ms`. */
function durationText(time: number): string {
  if (time < 1000) return `${time}ms`;
  const seconds = time / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${+(seconds % 60).toFixed(9)}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}
