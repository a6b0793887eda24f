// What follows the end of a container: state, event, waiters, restart policy, auto-removal. Runs in the daemon.
// moby: daemon/monitor.go, daemon/internal/restartmanager.

import { messageOf } from '../../base/errors.ts';
import { nowNanoseconds, parseRfc3339, rfc3339 } from '../clock.ts';
import { release as releaseNetwork } from '../network/sandbox.ts';
import type { Container } from './container.ts';
import type { ExitStatus } from './exit-file.ts';
import { removeNow } from './remove.ts';
import type { Room } from './room.ts';
import type { Shim } from './shim.ts';
import { startNow } from './start.ts';

const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** a container that ran this long (milliseconds) is well again */
const WELL = 10_000;

/** Handles the end of the container whenever it comes. */
export function watchExit(room: Room, container: Container, shim: Shim): void {
  void shim.exit
    .then((status) => container.exclusive(() => exited(room, container, { shim, status })))
    .catch((error: unknown) => room.log(`exit of ${container.id}: ${messageOf(error)}`));
}

/** The container has ended; the caller holds it. */
export async function exited(
  room: Room,
  container: Container,
  { shim, status }: { shim: Shim | undefined; status: ExitStatus },
): Promise<void> {
  if (container.shim !== shim || !container.alive) return;
  const oomKilled = await finish(room, container);
  room.health.stop(container);
  const { network } = container.state;
  releaseNetwork(room.networks, container, network);
  const { exitCode } = status;
  const finished = status.finishedAt === undefined ? nowNanoseconds() : parseRfc3339(status.finishedAt);
  const ran = Number(finished - parseRfc3339(container.state.startedAt)) / 1e6;
  const again = !container.restarting && restarts(container, exitCode);
  const removes = !again && !container.restarting && container.record.hostConfig.AutoRemove === true;
  const change = { pid: 0, network: undefined, exitCode, oomKilled, finishedAt: rfc3339(finished) };
  Object.assign(container.state, change, { status: again ? 'restarting' : 'exited' });
  // A container that is about to be removed needs no record of its end: `exit` in its directory says it, should we crash.
  if (!removes) container.change({});
  room.execs.forget(container);
  if (oomKilled) room.publish(container, 'oom');
  room.publish(container, 'die', {
    exitCode: String(exitCode),
    execDuration: String(Math.max(0, Math.floor(ran / 1000))),
  });
  container.waiters.exited({ StatusCode: exitCode });
  if (again) pause(room, container, ran);
  if (removes) await removeNow(room, container, { volumes: true });
}

/** Whether the OOM killer was there. A cgroup that cannot be removed is told, and is no reason to lose the exit. */
async function finish(room: Room, container: Container): Promise<boolean> {
  try {
    return (await room.launcher.finish(container.record)).oomKilled;
  } catch (error) {
    room.log(`cgroup of ${container.id}: ${messageOf(error)}`);
    return false;
  }
}

function restarts(container: Container, exitCode: number): boolean {
  const { Name, MaximumRetryCount = 0 } = container.record.hostConfig.RestartPolicy ?? {};
  const { manuallyStopped, restartCount } = container.state;
  if (manuallyStopped) return false;
  if (Name === 'always' || Name === 'unless-stopped') return true;
  return Name === 'on-failure' && exitCode !== 0 && (MaximumRetryCount === 0 || restartCount < MaximumRetryCount);
}

/** Starts it again after a pause that doubles from 100 ms up to a minute. */
function pause(room: Room, container: Container, ran: number): void {
  container.backoff =
    ran >= WELL || container.backoff === 0 ? FIRST_PAUSE : Math.min(container.backoff * 2, LONGEST_PAUSE);
  const timer = setTimeout(() => {
    container.cancelRestart = undefined;
    void container
      .exclusive(async () => {
        if (container.state.status !== 'restarting') return;
        container.state.restartCount++;
        await startNow(room, container, { manual: false });
      })
      .catch((error: unknown) => room.log(`restart ${container.id}: ${messageOf(error)}`));
  }, container.backoff);
  container.cancelRestart = () => {
    clearTimeout(timer);
    container.cancelRestart = undefined;
  };
}
