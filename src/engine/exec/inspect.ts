// `GET /exec/{id}/json`: Docker's body for one exec. Runs in the daemon. moby: daemon/exec.go, ContainerExecInspect.

import type { Exec } from './exec.ts';

export function inspectExec({ record, container, running, exitCode, pid }: Exec): object {
  const [entrypoint = '', ...args] = record.command;
  return {
    ID: record.id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: record.tty,
      entrypoint,
      arguments: args,
      privileged: record.privileged,
      ...(record.user === '' ? {} : { user: record.user }),
    },
    OpenStdin: record.stdin,
    OpenStderr: record.stderr,
    OpenStdout: record.stdout,
    CanRemove: false,
    ContainerID: container.id,
    DetachKeys: Buffer.from(record.detachKeys ?? '', 'latin1').toString('base64'),
    Pid: pid,
  };
}
