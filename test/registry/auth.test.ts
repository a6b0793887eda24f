import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Credentials } from '../../src/base/docker-config.ts';
import { login } from '../../src/registry/login.ts';
import { imageOf } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy.ts';
import { makePuller } from './support/puller.ts';

const missing = missingRegistry();
const alice: Credentials = { username: 'alice', password: 'wonderland' };
// The bcrypt hash of alice's password.
const HTPASSWD = 'alice:$2b$05$abcdefghijklmnopqrstuuA0vov2GDneHB3.8.cv9UF9g.RdvScIW\n';

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
  return true;
};

describe.skipIf(missing)(missing ? `auth (skipped: ${missing})` : 'auth', () => {
  let registry: Registry;
  const image = imageOf([[{ name: 'a', content: 'a' }]]);
  beforeAll(async () => {
    registry = await startRegistry();
    await registry.push(image, 'library/x', 'latest');
  });
  afterAll(() => registry?.stop());

  const failure = async (work: Promise<unknown>): Promise<Error> =>
    work.then(
      () => new Error('there was no error'),
      (error: Error) => error,
    );

  describe('Basic, on a registry with htpasswd', () => {
    let guarded: Registry;
    beforeAll(async () => {
      guarded = await startRegistry({ directory: registry.directory, htpasswd: HTPASSWD });
    });
    afterAll(() => guarded?.stop());

    test('lets in who has the password', async () => {
      const { pull } = makePuller();
      expect((await pull(`${guarded.host}/library/x`, { credentials: alice })).config).toBe(image.config.digest);
    });

    test('without credentials is the error that Docker gives, with the mending command', async () => {
      const { pull } = makePuller();
      await expect(pull(`${guarded.host}/library/x`)).rejects.toMatchObject({
        message: `Head "http://${guarded.host}/v2/library/x/manifests/latest": no basic auth credentials`,
        fix: `punnet login ${guarded.host}`,
      });
    });

    test('with a wrong password is the error that Docker gives, and does not tell it', async () => {
      const { pull } = makePuller();
      const error = await failure(
        pull(`${guarded.host}/library/x`, { credentials: { username: 'alice', password: 'queenofhearts' } }),
      );
      expect(error.message).toBe('unauthorized: authentication required');
      expect(JSON.stringify([error, error.stack, error.cause])).not.toContain('queenofhearts');
    });

    test('login takes the password, and refuses another one with the text that Docker gives', async () => {
      const { client } = makePuller();
      const signal = new AbortController().signal;
      const tried = (credentials: Credentials) => login({ client, server: guarded.host, credentials, signal });
      await expect(tried(alice)).resolves.toBeUndefined();
      await expect(tried({ ...alice, password: 'queenofhearts' })).rejects.toMatchObject({
        kind: 'unauthorized',
        message: `login attempt to http://${guarded.host}/v2/ failed with status: 401 Unauthorized`,
      });
    });
  });

  describe('Bearer', () => {
    let proxy: FaultProxy;
    let realm: FaultProxy;
    let issued = 0;
    let lifetime = 300;
    const valid = new Set<string>();
    const scopes: (string | null)[] = [];

    /** A registry that wants a token for its scope, and a token server that gives one to alice and to refresh tokens. */
    beforeEach(async () => {
      issued = 0;
      lifetime = 300;
      valid.clear();
      scopes.length = 0;
      proxy = await startFaultProxy(registry.url);
      realm = await startFaultProxy(registry.url);
      realm.fault = (asked, response) => {
        const url = new URL(asked.path, realm.url);
        scopes.push(url.searchParams.get('scope'));
        const basic = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
        if (asked.method === 'GET' && asked.authorization !== basic)
          return json(response, 401, { details: 'incorrect username or password' });
        const token = createHmac('sha256', 'key').update(String(issued++)).digest('base64url');
        valid.add(`Bearer ${token}`);
        return json(response, 200, { token, expires_in: lifetime });
      };
      proxy.fault = (asked, response) => {
        if (asked.authorization && valid.has(asked.authorization)) return false;
        const challenge = `Bearer realm="${realm.url}/token",service="registry.test",scope="repository:library/x:pull"`;
        return json(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': challenge });
      };
    });
    afterEach(async () => {
      await proxy.close();
      await realm.close();
    });

    test('login gets a token for no repository, and refuses what the token server refuses', async () => {
      const { client } = makePuller();
      const signal = new AbortController().signal;
      const tried = (credentials: Credentials) => login({ client, server: proxy.host, credentials, signal });
      await expect(tried(alice)).resolves.toBeUndefined();
      expect(scopes).toEqual([null]);
      await expect(tried({ ...alice, password: 'queenofhearts' })).rejects.toMatchObject({ kind: 'unauthorized' });
    });

    test('is fetched once for its scope, sent with every request, and kept for the next pull', async () => {
      const puller = makePuller();
      await puller.pull(`${proxy.host}/library/x`, { credentials: alice });
      await puller.pull(`${proxy.host}/library/x`, { credentials: alice });
      expect(issued).toBe(1);
      expect(scopes).toEqual(['repository:library/x:pull']);
      expect(realm.asked[0]!.path).toContain('service=registry.test');
      expect(realm.asked[0]!.path).toContain('account=alice');
      expect(realm.asked[0]!.path).not.toContain('wonderland');
    });

    test('is not lent to another user', async () => {
      const puller = makePuller();
      await puller.pull(`${proxy.host}/library/x`, { credentials: alice });
      const error = await failure(
        puller.pull(`${proxy.host}/library/x`, { credentials: { username: 'bob', password: 'x' } }),
      );
      expect(error.message).toBe(
        `Head "http://${proxy.host}/v2/library/x/manifests/latest": unauthorized: incorrect username or password`,
      );
    });

    test('that the registry no longer takes is fetched again', async () => {
      const puller = makePuller();
      await puller.pull(`${proxy.host}/library/x`, { credentials: alice });
      valid.clear();
      await puller.pull(`${proxy.host}/library/x`, { credentials: alice });
      expect(issued).toBe(2);
    });

    test('comes for an identity token by POST, which is not in the URL', async () => {
      const { pull } = makePuller();
      await pull(`${proxy.host}/library/x`, { credentials: { identitytoken: 'refresh-me' } });
      expect(realm.asked.map(({ method }) => method)).toEqual(['POST']);
      expect(realm.asked[0]!.path).not.toContain('refresh-me');
    });

    test('given by the client (registrytoken) is sent as it is', async () => {
      valid.add('Bearer given');
      const { pull } = makePuller();
      await pull(`${proxy.host}/library/x`, { credentials: { registrytoken: 'given' } });
      expect(issued).toBe(0);
    });

    test('of insufficient scope is "pull access denied", as Docker says it', async () => {
      proxy.fault = (asked, response) => {
        const challenge = `Bearer realm="${realm.url}/token",service="s"${asked.authorization ? ',error="insufficient_scope"' : ''}`;
        return json(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': challenge });
      };
      const { pull } = makePuller();
      await expect(pull(`${proxy.host}/library/x`, { credentials: alice })).rejects.toMatchObject({
        kind: 'notFound',
        message: `pull access denied for ${proxy.host}/library/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      });
    });

    test.each([
      ['no JSON', 'secret-token-text', 'the answer is not JSON'],
      ['no token', '{}', 'authorization server did not include a token in the response'],
      ['a token with a line break', '{"token":"a\\r\\nX-Evil: 1"}', 'authorization server did not include a token'],
      ['a megabyte', JSON.stringify({ token: 'x'.repeat(1024 * 1024) }), 'larger than the limit'],
    ])('is refused when it is %s, and never told', async (_, body, message) => {
      realm.fault = (_asked, response) => {
        response.writeHead(200);
        response.end(body);
        return true;
      };
      const { pull } = makePuller();
      const error = await failure(pull(`${proxy.host}/library/x`, { credentials: alice }));
      expect(error.message).toContain(message.replace('the answer', "the token server's answer"));
      expect(`${error.message}${error.stack}`).not.toContain('secret-token-text');
    });

    test('is not asked for at a realm on plain HTTP that nobody allowed: the password stays here', async () => {
      proxy.fault = (_asked, response) =>
        json(response, 401, {}, { 'www-authenticate': 'Bearer realm="http://evil.example.com/token"' });
      const { pull } = makePuller();
      await expect(pull(`${proxy.host}/library/x`, { credentials: alice })).rejects.toThrow(
        "the registry's token realm http://evil.example.com/token is plain HTTP",
      );
    });

    test("a mirror gets no credentials: they are Docker Hub's", async () => {
      proxy.fault = undefined;
      const { pull } = makePuller({ config: () => ({ mirrors: [proxy.url], insecure: [] }) });
      await pull('x', { credentials: { ...alice, registrytoken: 'given' } });
      expect(proxy.asked.length).toBeGreaterThan(3);
      expect(proxy.asked.some(({ authorization }) => authorization !== undefined)).toBe(false);
    });
  });
});
