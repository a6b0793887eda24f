// Image references as Docker reads them: `busybox` is docker.io/library/busybox:latest. A hand-made copy of the grammar
// and of the error texts of github.com/distribution/reference (reference.go, normalize.go, regexp.go). Pure.

import { parseDigest, type Digest } from '../base/digest.ts';
import { invalidArgument } from '../base/errors.ts';

export interface Reference {
  /** `docker.io`, `127.0.0.1:5000` */
  domain: string;
  /** `library/busybox` */
  path: string;
  tag?: string;
  digest?: Digest;
}

const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN_COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const NAME = `(?:${DOMAIN}/)?${PATH_COMPONENT}(?:/${PATH_COMPONENT})*`;
const TAG = '[\\w][\\w.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(`^(${NAME})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const HEX_ID = /^[a-f0-9]{64}$/;

/**
 * Parses what a user wrote. No tag is added: see withDefaultTag.
 * @throws invalidArgument with Docker's texts
 */
export function parseReference(text: string): Reference {
  if (HEX_ID.test(text))
    throw invalidArgument(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, remainder } = splitDomain(text);
  const colon = remainder.indexOf(':');
  const name = colon < 0 ? remainder : remainder.slice(0, colon);
  if (name !== name.toLowerCase())
    throw invalidArgument(`invalid reference format: repository name (${name}) must be lowercase`);
  const full = `${domain}/${remainder}`;
  const match = REFERENCE.exec(full);
  if (!match) {
    if (REFERENCE.test(full.toLowerCase())) throw invalidArgument('repository name must be lowercase');
    throw invalidArgument('invalid reference format');
  }
  const path = match[1]!.slice(domain.length + 1);
  if (path.length > 255) throw invalidArgument('repository name must not be more than 255 characters');
  return {
    domain,
    path,
    ...(match[2] !== undefined && { tag: match[2] }),
    ...(match[3] !== undefined && { digest: checkedDigest(match[3]) }),
  };
}

/** The reference with `:latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** `docker.io/library/busybox:latest` */
export function canonical(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** `docker.io/library/busybox` */
export function canonicalName(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** `busybox:latest`: what Docker shows. */
export function familiar(reference: Reference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

/** `busybox`: the repository as Docker shows it. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== 'docker.io') return `${domain}/${path}`;
  return /^library\/[^/]+$/.test(path) ? path.slice('library/'.length) : path;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, slash);
  const named = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  let domain = named ? first : 'docker.io';
  let remainder = named ? text.slice(slash + 1) : text;
  if (domain === 'index.docker.io') domain = 'docker.io';
  if (domain === 'docker.io' && !remainder.includes('/')) remainder = `library/${remainder}`;
  return { domain, remainder };
}

function checkedDigest(text: string): Digest {
  const algorithm = text.slice(0, text.indexOf(':'));
  const hex = text.slice(algorithm.length + 1);
  if (algorithm !== 'sha256') throw invalidArgument('unsupported digest algorithm');
  if (hex.length !== 64) throw invalidArgument('invalid checksum digest length');
  if (!/^[a-f0-9]+$/.test(hex)) throw invalidArgument('invalid checksum digest format');
  return parseDigest(text);
}
