// Every failure that punnet reports is a PunnetError of one of these kinds. The list is closed: api/status.ts alone turns
// a kind into an HTTP status, the CLI alone turns it into an exit code. Runs in every process.

export type ErrorKind =
  | 'notFound'
  | 'invalidArgument'
  | 'conflict'
  | 'notModified'
  | 'unauthorized'
  | 'forbidden'
  | 'unavailable'
  | 'notImplemented'
  | 'internal';

export interface ErrorDetails {
  /** The error that caused this one; kept, never replaced by a clean-up failure. */
  cause?: unknown;
  /** The command or change that mends it, e.g. `sudo sysctl -w user.max_user_namespaces=65536`. */
  fix?: string;
}

/** An error that names step, object and cause: `mount proc on /proc: EPERM`. `fix` says what to do about it. */
export class PunnetError extends Error {
  readonly kind: ErrorKind;
  readonly fix: string | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'PunnetError';
    this.kind = kind;
    this.fix = details.fix;
  }
}

export const notFound = (message: string, details?: ErrorDetails) => new PunnetError('notFound', message, details);
export const invalidArgument = (message: string, details?: ErrorDetails) =>
  new PunnetError('invalidArgument', message, details);
export const conflict = (message: string, details?: ErrorDetails) => new PunnetError('conflict', message, details);
export const forbidden = (message: string, details?: ErrorDetails) => new PunnetError('forbidden', message, details);
export const unavailable = (message: string, details?: ErrorDetails) =>
  new PunnetError('unavailable', message, details);
export const notModified = (message: string, details?: ErrorDetails) =>
  new PunnetError('notModified', message, details);
export const notImplemented = (message: string, details?: ErrorDetails) =>
  new PunnetError('notImplemented', message, details);
export const internal = (message: string, details?: ErrorDetails) => new PunnetError('internal', message, details);

/** The errno name of a Node or addon error (`ENOENT`), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** One line of text for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
