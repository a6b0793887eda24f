// Parses WWW-Authenticate (RFC 7235 §4.1, RFC 6750 §3): what a registry demands before it answers. Pure.

export interface Challenge {
  /** lower case: `bearer`, `basic` */
  scheme: string;
  /** names in lower case: realm, service, scope, error */
  parameters: Record<string, string>;
}

/** All challenges of the header's values; unreadable parts are skipped. */
export function parseChallenges(values: string | string[] | undefined): Challenge[] {
  const challenges: Challenge[] = [];
  for (const value of typeof values === 'string' ? [values] : (values ?? [])) {
    // A scheme starts at the beginning or after a comma, and is followed by a space and not by `=`.
    const pattern =
      /(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s*(?:,|$)|\s+[^\s=])|([A-Za-z0-9_-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/g;
    for (const match of value.slice(0, 16_384).matchAll(pattern)) {
      const [, scheme, name, quoted, token] = match;
      if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
      else if (name !== undefined) {
        const parameters = challenges.at(-1)?.parameters;
        if (parameters) parameters[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
      }
    }
  }
  return challenges;
}
