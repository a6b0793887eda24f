// Whom TLS believes: Node's CAs, the system's (Docker believes those too), NODE_EXTRA_CA_CERTS, and the CAs that the user
// put beside one registry's name (certs.d/<host:port>/*.crt). Runs in the daemon.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { internal, messageOf } from '../base/errors.ts';

const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

let common: SecureContext | undefined;

/**
 * The context for connections to `host` (`name:port`).
 * @throws internal naming the file that is no certificate
 */
export function trustFor(host: string, certificates: string | undefined): SecureContext {
  const own = certificates === undefined ? [] : ownAuthorities(certificates, host);
  if (own.length === 0) return (common ??= createSecureContext({ ca: authorities() }));
  return createSecureContext({ ca: [...authorities(), ...own] });
}

function authorities(): string[] {
  const system = SYSTEM.find((path) => existsSync(path));
  const extra = process.env.NODE_EXTRA_CA_CERTS || process.env.PUNNET_EXTRA_CA_CERTS;
  return [...rootCertificates, ...[system, extra].filter((path) => path !== undefined).flatMap(readAuthority)];
}

function readAuthority(path: string): string[] {
  return existsSync(path) ? [readFileSync(path, 'utf8')] : [];
}

function ownAuthorities(certificates: string, host: string): string[] {
  // A host name has no slash (reference.ts, URL), so it cannot leave the directory; `..` has no .crt files of a user's choice.
  const directory = join(certificates, host);
  if (host === '..' || !existsSync(directory)) return [];
  const files = readdirSync(directory).filter((name) => name.endsWith('.crt'));
  return files.map((name) => {
    const path = join(directory, name);
    try {
      const text = readFileSync(path, 'utf8');
      createSecureContext({ ca: text });
      return text;
    } catch (error) {
      throw internal(`read certificate ${path}: ${messageOf(error)}`, {
        cause: error,
        fix: `repair or remove ${path}`,
      });
    }
  });
}
