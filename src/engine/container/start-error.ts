// Why a container did not start, in the words that clients of Docker match on, and the exit code that Docker gives it.
// Pure. Runs in the daemon. moby: daemon/errors.go, setExitCodeFromError; runc's messages.

import { errnoName } from '../../native/constants.ts';

/** An op of the plan, as far as an explanation needs it. */
export interface FailedOp {
  op: string;
  [field: string]: unknown;
}

export interface StartFailure {
  message: string;
  /** 126 cannot be executed, 127 not found, 128 anything else */
  exitCode: number;
}

const PREFIXES = {
  start:
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ' +
    'unable to start container process: error during container init: ',
  exec: 'OCI runtime exec failed: exec failed: unable to start container process: ',
};

export interface Circumstances {
  verb: keyof typeof PREFIXES;
  /** whether one of these paths of the container exists */
  isThere(paths: string[]): boolean;
}

/** From the op that failed and its positive errno. */
export function explainFailure(op: FailedOp, errno: number, { verb, isThere }: Circumstances): StartFailure {
  return withExitCode(PREFIXES[verb] + reasonOf(op, errno, isThere));
}

function reasonOf(op: FailedOp, errno: number, isThere: (paths: string[]) => boolean): string {
  const text = errnoText(errno);
  if (op.op === 'execve') return explainExec(op, errno, isThere);
  if (op.op === 'chdir' || (op.op === 'mkdir' && op.cwd === true)) {
    return `chdir to cwd (${quote(op.path)}) set in config.json failed: ${text}`;
  }
  if (op.op === 'mount' || op.op === 'move_mount' || op.op === 'open_tree') {
    const source = typeof op.source === 'string' ? op.source : typeof op.path === 'string' ? op.path : undefined;
    const at = typeof op.target === 'string' ? ` to rootfs at ${quote(op.target)}` : '';
    const what = source === undefined ? '' : ` ${quote(source)}`;
    return `error mounting${what}${at}: ${describe(op)}: ${text}`;
  }
  return `${describe(op)}: ${text}`;
}

function explainExec(op: FailedOp, errno: number, isThere: (paths: string[]) => boolean): string {
  const [name = ''] = op.argv as string[];
  const code = errnoName(errno);
  if (code === 'ENOENT' && isThere(op.paths as string[])) {
    // The program is there: its interpreter or its loader is not.
    return `exec ${name}: ${errnoText(errno)}`;
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return name.includes('/')
      ? `exec: ${quote(name)}: stat ${name}: ${errnoText(errno)}`
      : `exec: ${quote(name)}: executable file not found in $PATH`;
  }
  if (code === 'ENOEXEC') return `exec ${name}: ${errnoText(errno)}`;
  return `exec: ${quote(name)}: ${errnoText(errno)}`;
}

/** Docker reads its own text to find the exit code; so does this. */
function withExitCode(message: string): StartFailure {
  const lower = message.toLowerCase();
  if (lower.includes('permission denied')) return { message, exitCode: 126 };
  if (lower.includes('is a directory')) return { message: `${message}: permission denied`, exitCode: 126 };
  if (lower.includes('not a directory')) {
    const hint =
      'Are you trying to mount a directory onto a file (or vice-versa)? ' +
      'Check if the specified host path exists and is the expected type';
    return { message: `${message}: ${hint}`, exitCode: 127 };
  }
  const notFound = lower.includes('executable file not found') || lower.includes('no such file or directory');
  return { message, exitCode: notFound ? 127 : 128 };
}

/** `mount("proc", "/proc", "proc")`: the op's name and its texts. */
function describe(op: FailedOp): string {
  const { op: name, ...fields } = op;
  const texts = Object.values(fields).filter(
    (value) => typeof value === 'string' && value !== 'child' && value !== 'parent',
  );
  return `${name}(${texts.map(quote).join(', ')})`;
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

/** The C library's words, which are Go's too; the errno's name where they are not known. */
export function errnoText(errno: number): string {
  const name = errnoName(errno);
  return TEXTS[name] ?? name;
}

const TEXTS: Record<string, string> = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOEXEC: 'exec format error',
  EBUSY: 'device or resource busy',
  EINVAL: 'invalid argument',
  ENOMEM: 'cannot allocate memory',
  ELOOP: 'too many levels of symbolic links',
  ENOSYS: 'function not implemented',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
  ENODEV: 'no such device',
  EAGAIN: 'resource temporarily unavailable',
  E2BIG: 'argument list too long',
};
