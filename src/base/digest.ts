// Digests as the OCI image specification writes them (descriptor.md#digests): `sha256:` and 64 hex digits.

import { createHash } from 'node:crypto';
import { invalidArgument } from './errors.ts';

export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** True for a well-formed sha256 digest. */
export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** @throws invalidArgument when `text` is not a sha256 digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidArgument(`invalid digest ${JSON.stringify(text)}: expected sha256:<64 hex digits>`);
  return text;
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
