// An exec that the daemon itself wants: runs a command in a container to its end and keeps the beginning of its output. Runs in
// the daemon.

import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import type { Container } from '../container/container.ts';
import { Link } from '../container/link.ts';
import type { Room } from '../container/room.ts';
import { runtimeDirectory } from '../container/runtime-directory.ts';
import { within } from '../container/stop.ts';
import { Exec } from './exec.ts';
import { run } from './start.ts';

export interface RunResult {
  exitCode: number;
  /** both streams, as they came */
  output: string;
  /** it did not end in time and was killed */
  late: boolean;
}

export interface RunLimits {
  milliseconds: number;
  /** bytes of output that are kept; `...` stands for the rest */
  bytes: number;
}

/** @throws PunnetError with Docker's texts when it does not start */
export async function runInContainer(
  room: Room,
  container: Container,
  { command, limits }: { command: string[]; limits: RunLimits },
): Promise<RunResult> {
  const id = randomBytes(32).toString('hex');
  const record = { id, containerId: container.id, command, tty: false, stdin: false, stdout: true, stderr: true };
  const exec = new Exec(
    container,
    { ...record, privileged: false, user: '', env: [], cwd: '' },
    runtimeDirectory(room, id),
  );
  room.execs.add(exec);
  room.publish(container, `exec_create: ${exec.commandText}`, { execID: id });
  const sink = new Sink(limits.bytes);
  const link = new Link(sink, {
    ...record,
    framed: false,
    stdinOnce: false,
    detachKeys: undefined,
    settled: exec.ended,
  });
  await run(room, exec, {}, link);
  const late = !(await within(link.done, limits.milliseconds));
  if (late) {
    exec.shim?.signal(9);
    await exec.ended;
  }
  return { exitCode: exec.exitCode!, output: sink.text(), late };
}

/** Takes everything, keeps the first bytes. */
class Sink extends Duplex {
  readonly #most: number;
  readonly #kept: Buffer[] = [];
  #size = 0;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const room = this.#most - Math.min(this.#size, this.#most);
    if (room > 0) this.#kept.push(chunk.subarray(0, room));
    this.#size += chunk.length;
    done();
  }

  override _read(): void {}

  text(): string {
    return Buffer.concat(this.#kept).toString('utf8') + (this.#size > this.#most ? '...' : '');
  }
}
