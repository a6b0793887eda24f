import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request, type Server } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proxyFor } from '../../src/registry/proxy.ts';
import { imageOf } from '../support/image.ts';
import { which } from '../support/process.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { scratch } from '../support/scratch.ts';
import { makePuller } from './support/puller.ts';

const missing =
  missingRegistry() ?? (which('openssl') ? undefined : 'openssl is not installed (apt-get install openssl)');

/** A CA, and certificates that it signed, as files in a directory. */
function makeCertificates(directory: string, name: string): { ca: string; key: string; cert: string } {
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const subject = (cn: string) => [
    '-subj',
    `/CN=${cn}`,
    '-nodes',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
  ];
  run('req', '-x509', ...subject('test CA'), '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2');
  run('req', ...subject(name), '-keyout', 'key.pem', '-out', 'request.pem');
  writeFileSync(join(directory, 'names'), `subjectAltName=DNS:${name}`);
  run(
    'x509',
    '-req',
    '-in',
    'request.pem',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'cert.pem',
  );
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  return { ca: read('ca.crt'), key: read('key.pem'), cert: read('cert.pem') };
}

const listen = async (server: Server | TlsServer) => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

// The names of the test are not resolved by anyone: all connections go through the test's own proxy.
describe.skipIf(missing)(missing ? `TLS (skipped: ${missing})` : 'TLS, through a proxy', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pt-tls-'));
  const image = imageOf([[{ name: 'a', content: 'a' }]]);
  let registry: Registry;
  let secured: TlsServer;
  let proxy: Server;
  let ca = '';
  let env: NodeJS.ProcessEnv = {};
  let redirect: string | undefined;
  const connects: { host: string; authorization: string | undefined }[] = [];
  const asked: (string | undefined)[] = [];

  beforeAll(async () => {
    registry = await startRegistry();
    await registry.push(image, 'library/x', 'latest');
    const certificates = makeCertificates(directory, 'registry.test');
    ca = certificates.ca;
    secured = createServer({ key: certificates.key, cert: certificates.cert }, (question, answer) => {
      asked.push(question.headers['proxy-authorization']);
      if (redirect && question.url!.includes('/blobs/')) {
        answer.writeHead(307, { location: redirect });
        answer.end();
        return;
      }
      const to = request(new URL(question.url!, registry.url), { method: question.method, headers: question.headers });
      to.on('response', (from) => {
        answer.writeHead(from.statusCode!, from.headers);
        from.pipe(answer);
      });
      question.pipe(to);
    });
    const port = await listen(secured);
    proxy = createHttpServer();
    proxy.on('connect', (question, socket) => {
      connects.push({ host: question.url!, authorization: question.headers['proxy-authorization'] });
      if (question.headers['proxy-authorization'] !== `Basic ${Buffer.from('me:pass word').toString('base64')}`) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const to = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        to.pipe(socket);
        socket.pipe(to);
      });
      for (const end of [to, socket]) end.on('error', () => end.destroy());
    });
    env = { HTTPS_PROXY: `http://me:pass%20word@127.0.0.1:${await listen(proxy)}` };
  });
  afterAll(async () => {
    proxy?.closeAllConnections();
    proxy?.close();
    secured?.closeAllConnections();
    secured?.close();
    await registry?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    connects.length = asked.length = 0;
    redirect = undefined;
  });

  const trusting = (host: string) => {
    const certificates = scratch('certs');
    mkdirSync(join(certificates, host));
    writeFileSync(join(certificates, host, 'ca.crt'), ca);
    return makePuller({ env, config: () => ({ mirrors: [], insecure: [], certificates }) });
  };

  test('a registry with a certificate of a CA in certs.d is believed; the proxy alone gets its password', async () => {
    expect((await trusting('registry.test').pull('registry.test/library/x')).config).toBe(image.config.digest);
    expect(new Set(connects.map(({ host }) => host))).toEqual(new Set(['registry.test:443']));
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.every((authorization) => authorization === undefined)).toBe(true);
  });

  test('a certificate that nobody vouches for is refused, with the words of Docker and what to do', async () => {
    const { pull } = makePuller({ env });
    await expect(pull('registry.test/library/x')).rejects.toMatchObject({
      message:
        'Get "https://registry.test/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      fix: expect.stringContaining('certs.d/registry.test/ca.crt') as string,
    });
    expect(asked).toEqual([]);
  });

  test('the CA of one registry is not believed for another', async () => {
    const { pull } = trusting('registry.test');
    await expect(pull('other.test/library/x')).rejects.toThrow('certificate signed by unknown authority');
  });

  test('a certificate for another name is refused', async () => {
    const { pull } = trusting('other.test');
    await expect(pull('other.test/library/x')).rejects.toThrow(
      'tls: failed to verify certificate: x509: certificate is not valid for other.test',
    );
  });

  test('an insecure registry needs no certificate that anyone believes', async () => {
    const { pull } = makePuller({ env, config: () => ({ mirrors: [], insecure: ['registry.test'] }) });
    expect((await pull('registry.test/library/x')).config).toBe(image.config.digest);
  });

  test('a redirect from TLS to plain HTTP is refused, even to this machine', async () => {
    redirect = `${registry.url}/v2/library/x/blobs/${image.config.digest}`;
    await expect(trusting('registry.test').pull('registry.test/library/x')).rejects.toThrow(
      `the server redirects to ${registry.url}: refused`,
    );
  });

  test('a proxy that refuses is named, without its password', async () => {
    const wrong = { HTTPS_PROXY: env.HTTPS_PROXY!.replace('pass%20word', 'hunter2') };
    const { pull } = makePuller({ env: wrong });
    const error = await pull('registry.test/library/x').then(
      () => new Error('there was no error'),
      (thrown: Error) => thrown,
    );
    expect(error.message).toMatch(/^proxy 127\.0\.0\.1:\d+: CONNECT registry\.test:443: 407$/);
    expect(`${error.stack}`).not.toContain('hunter2');
  });
});

describe('the proxy', () => {
  const env = {
    HTTPS_PROXY: 'proxy.lan:3128',
    http_proxy: 'http://plain.lan',
    NO_PROXY: 'a.io, .b.io,10.0.0.0/8,c.io:444',
  };
  test.each([
    ['https://ghcr.io/v2/', 'http://proxy.lan:3128/'],
    ['http://ghcr.io/v2/', 'http://plain.lan/'],
    ['https://xa.io/', 'http://proxy.lan:3128/'],
    ['https://c.io/', 'http://proxy.lan:3128/'],
    ['https://a.io/', undefined],
    ['https://x.a.io/', undefined],
    ['https://x.b.io/', undefined],
    ['https://10.1.2.3/', undefined],
    ['https://c.io:444/', undefined],
    ['https://127.0.0.1:5000/', undefined],
    ['https://localhost/', undefined],
  ])('for %s is %s', (url, proxy) => {
    expect(proxyFor(new URL(url), env)?.url.href).toBe(proxy);
  });

  test('is nobody when NO_PROXY is *, or none is set', () => {
    expect(proxyFor(new URL('https://ghcr.io/'), { ...env, NO_PROXY: '*' })).toBeUndefined();
    expect(proxyFor(new URL('https://ghcr.io/'), {})).toBeUndefined();
  });

  test('that is no URL is refused without its text', () => {
    const bad = { HTTPS_PROXY: 'http://user:secret@[' };
    expect(() => proxyFor(new URL('https://ghcr.io/'), bad)).toThrow(/^HTTPS_PROXY is not a URL$/);
  });
});
