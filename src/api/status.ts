// The one place where a kind of error becomes an HTTP status, and an error becomes Docker's error body.
// Runs in the daemon.

import { PunnetError, messageOf, type ErrorKind } from '../base/errors.ts';

const STATUS: Record<ErrorKind, number> = {
  notModified: 304,
  invalidArgument: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  internal: 500,
  notImplemented: 501,
  unavailable: 503,
};

/** The HTTP status of any thrown value; 500 for what is not a PunnetError. */
export function statusOf(error: unknown): number {
  return error instanceof PunnetError ? STATUS[error.kind] : 500;
}

/** Docker's `{"message"}`; a `fix` is told on a line of its own. */
export function errorBody(error: unknown): { message: string } {
  const fix = error instanceof PunnetError && error.fix !== undefined ? `\nTo mend it: ${error.fix}` : '';
  return { message: messageOf(error) + fix };
}
