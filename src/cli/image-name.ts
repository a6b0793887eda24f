// `repository:tag` as the query of commit and import has it. Pure.

import { canonicalName, familiarName, parseReference } from '../registry/reference.ts';

/** @throws Error with Docker's text for a name that is none */
export function splitName(name: string): { repo?: string; tag?: string } {
  if (name === '') return {};
  const reference = parseReference(name);
  const repo = reference.domain === 'docker.io' ? familiarName(reference) : canonicalName(reference);
  return { repo, tag: reference.tag ?? 'latest' };
}
