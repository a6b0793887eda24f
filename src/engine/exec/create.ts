// `exec`, its first half: checks and remembers what is to run; nothing runs yet. Runs in the daemon. moby: daemon/exec.go,
// ContainerExecCreate.

import { randomBytes } from 'node:crypto';
import type { ExecBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import { requireExecable } from '../container/require.ts';
import type { Room } from '../container/room.ts';
import { runtimeDirectory } from '../container/runtime-directory.ts';
import { Exec, type ExecRecord } from './exec.ts';

/** @param detachKeys raw bytes as latin1 text. @throws invalidArgument, notFound, conflict with Docker's texts */
export function createExec(
  room: Room,
  name: string,
  { body, detachKeys }: { body: ExecBody; detachKeys: string | undefined },
): { Id: string } {
  const command = wordsOf('Cmd', body.Cmd);
  if (command.length === 0) throw invalidArgument('No exec command specified');
  const container = room.store.get(name);
  requireExecable(container);
  const id = randomBytes(32).toString('hex');
  const record: ExecRecord = {
    id,
    containerId: container.id,
    command,
    tty: body.Tty === true,
    stdin: body.AttachStdin === true,
    stdout: body.AttachStdout === true,
    stderr: body.AttachStderr === true,
    privileged: body.Privileged === true,
    user: textOf('User', body.User),
    env: wordsOf('Env', body.Env),
    cwd: textOf('WorkingDir', body.WorkingDir),
    ...(detachKeys === undefined ? {} : { detachKeys }),
    ...sizeOf(body.ConsoleSize),
  };
  const exec = new Exec(container, record, runtimeDirectory(room, id));
  room.execs.add(exec);
  room.publish(container, `exec_create: ${exec.commandText}`, { execID: exec.id });
  return { Id: exec.id };
}

/** `{ size }` for a console size that is one. */
export function sizeOf(size: unknown): { size: [number, number] } | undefined {
  if (size === undefined || size === null) return undefined;
  const valid = (side: unknown): side is number => typeof side === 'number' && Number.isInteger(side) && side >= 0;
  const [rows, columns] = Array.isArray(size) ? (size as unknown[]) : [];
  if (!valid(rows) || !valid(columns)) throw invalidArgument('invalid JSON: ConsoleSize is not a pair of numbers');
  return { size: [rows, columns] };
}

function wordsOf(field: string, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value;
  throw invalidArgument(`invalid JSON: ${field} is not a list of strings`);
}

function textOf(field: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw invalidArgument(`invalid JSON: ${field} is not a string`);
}
