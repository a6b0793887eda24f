// What went wrong on the wire, in the words that Docker's clients know (distribution/registry/client/errors.go, and Go's
// net and x509 errors). No text here may hold a token, a password or a URL's query. Pure.

import { PunnetError, errnoOf, messageOf, type ErrorDetails, type ErrorKind } from '../base/errors.ts';

export interface FailureDetails extends ErrorDetails {
  kind?: ErrorKind;
  /** the registry's own error code, `MANIFEST_UNKNOWN` */
  code?: string;
  status?: number;
  /** another try may succeed */
  retry?: boolean;
  /** milliseconds that the server asked us to wait */
  retryAfter?: number;
}

/** A failed conversation with a registry. */
export class RegistryFailure extends PunnetError {
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly retry: boolean;
  readonly retryAfter: number | undefined;

  constructor(message: string, details: FailureDetails = {}) {
    super(details.kind ?? 'internal', message, details);
    this.name = 'RegistryFailure';
    this.code = details.code;
    this.status = details.status;
    this.retry = details.retry ?? false;
    this.retryAfter = details.retryAfter;
  }
}

/** `https://host/v2/x/manifests/1`: a URL without query and user, fit for a message. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** An error of the network or of TLS: `Get "https://…": dial tcp 127.0.0.1:1: connect: connection refused`. */
export function networkFailure(error: unknown, input: { method: string; url: URL }): RegistryFailure {
  const { url } = input;
  const method = input.method.charAt(0) + input.method.slice(1).toLowerCase();
  const first = error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
  const { text, fix, final } = reason(first as NodeJS.ErrnoException & { address?: string; port?: number }, url);
  return new RegistryFailure(`${method} "${shownUrl(url)}": ${text}`, { cause: error, fix, retry: !final });
}

/** Node's words for a connection that ended before the answer, and within it. */
const RESETS: Record<string, string> = { 'socket hang up': 'EOF', aborted: 'unexpected EOF' };

interface Reason {
  text: string;
  fix?: string;
  /** another try would fail the same way */
  final?: boolean;
}

function reason(error: NodeJS.ErrnoException & { address?: string; port?: number }, url: URL): Reason {
  const code = errnoOf(error) ?? '';
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const dial = `dial tcp ${error.address ?? url.hostname}:${error.port ?? port}`;
  switch (code) {
    case 'ECONNREFUSED':
      return { text: `${dial}: connect: connection refused`, final: true };
    case 'EHOSTUNREACH':
      return { text: `${dial}: connect: no route to host`, final: true };
    case 'ENETUNREACH':
      return { text: `${dial}: connect: network is unreachable`, final: true };
    case 'ENOTFOUND':
      return { text: `dial tcp: lookup ${url.hostname}: no such host`, final: true };
    case 'EAI_AGAIN':
      return { text: `dial tcp: lookup ${url.hostname}: temporary failure in name resolution`, final: true };
    case 'ECONNRESET':
      return { text: RESETS[messageOf(error)] ?? 'read: connection reset by peer' };
    case 'ETIMEDOUT':
      return { text: `${dial}: i/o timeout` };
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return {
        text: 'http: server gave HTTP response to HTTPS client',
        fix: `if ${url.host} is trusted, add it to "insecure-registries" in registries.json (docs/registries.md)`,
        final: true,
      };
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return {
        text: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
        fix: `put the CA of ${url.host} into certs.d/${url.host}/ca.crt (docs/registries.md)`,
        final: true,
      };
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return {
        text: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
        final: true,
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        text: `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`,
        final: true,
      };
    default:
      return { text: messageOf(error) };
  }
}

/** An answer that is not the one asked for; `body` is at most a few KiB of it. */
export function answerFailure(input: {
  status: number;
  statusText: string;
  body: Buffer;
  retryAfter?: number;
}): RegistryFailure {
  const { status } = input;
  const retry = { status, retry: status === 429 || status >= 500, retryAfter: input.retryAfter };
  const found = errorInBody(input.body, status);
  if (status >= 500 || (status < 400 && !found))
    return new RegistryFailure(`received unexpected HTTP status: ${status} ${input.statusText}`, retry);
  if (found) {
    const words = found.code.toLowerCase().replaceAll('_', ' ');
    return new RegistryFailure(`${words}: ${found.message}`, { ...retry, code: found.code });
  }
  if (status === 401)
    return new RegistryFailure('unauthorized: authentication required', { ...retry, code: 'UNAUTHORIZED' });
  return new RegistryFailure(
    `error parsing HTTP ${status} response body: no error details found in HTTP response body`,
    retry,
  );
}

const MESSAGES: Record<string, string> = {
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_UNKNOWN: 'repository name not known to registry',
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  BLOB_UNKNOWN: 'blob unknown to registry',
  TOOMANYREQUESTS: 'too many requests',
};

function errorInBody(body: Buffer, status: number): { code: string; message: string } | undefined {
  let value: { errors?: { code?: unknown; message?: unknown }[]; details?: unknown };
  try {
    value = JSON.parse(body.toString('utf8')) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value?.details === 'string' && value.details !== '') {
    const code = status === 401 ? 'UNAUTHORIZED' : status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN';
    return { code, message: printable(value.details) };
  }
  const first = Array.isArray(value?.errors) ? value.errors[0] : undefined;
  if (typeof first?.code !== 'string') return undefined;
  const code = /^[A-Za-z_]{1,40}$/.test(first.code) ? first.code.toUpperCase() : 'UNKNOWN';
  const message = typeof first.message === 'string' && first.message !== '' ? first.message : undefined;
  return { code, message: printable(message ?? MESSAGES[code] ?? 'unknown error') };
}

/** A registry's words on our terminal: no control characters, not endless. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 500);
}
