import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { authFor, readDockerConfig, type AskHelper } from '../../src/base/docker-config.ts';
import { scratch } from '../support/scratch.ts';

const never: AskHelper = () => Promise.reject(new Error('no helper is to be asked'));
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('authFor', () => {
  test.each(['ghcr.io', 'https://ghcr.io', 'https://ghcr.io/v1/'])('finds ghcr.io under the name %s', async (name) => {
    const config = { auths: { [name]: { auth: base64('me:a:b') } } };
    expect(await authFor('ghcr.io', { config, ask: never })).toEqual({
      username: 'me',
      password: 'a:b',
      serveraddress: 'ghcr.io',
    });
    expect(await authFor('other.io', { config, ask: never })).toBeUndefined();
  });

  test('finds Docker Hub under the name that docker login gives it', async () => {
    const config = { auths: { 'https://index.docker.io/v1/': { auth: base64('me:x'), identitytoken: 't' } } };
    expect(await authFor('docker.io', { config, ask: never })).toMatchObject({ username: 'me', identitytoken: 't' });
  });

  test('asks the helper of that registry, else the store', async () => {
    const asked: string[] = [];
    const ask: AskHelper = (program, server) => {
      asked.push(`${program} ${server}`);
      return Promise.resolve({ code: 0, stdout: JSON.stringify({ Username: 'u', Secret: 's' }) });
    };
    const config = { credsStore: 'all', credHelpers: { 'a.io': 'one' } };
    expect(await authFor('a.io', { config, ask })).toEqual({ username: 'u', password: 's', serveraddress: 'a.io' });
    await authFor('docker.io', { config, ask });
    expect(asked).toEqual(['docker-credential-one a.io', 'docker-credential-all https://index.docker.io/v1/']);
  });

  test('takes the user name <token> as an identity token, as docker does', async () => {
    const ask: AskHelper = () => Promise.resolve({ code: 0, stdout: '{"Username":"<token>","Secret":"s"}' });
    expect(await authFor('a.io', { config: { credsStore: 'x' }, ask })).toEqual({
      identitytoken: 's',
      serveraddress: 'a.io',
    });
  });

  test('has no credentials when the helper has none, and an error without its output when it fails', async () => {
    const none: AskHelper = () => Promise.resolve({ code: 1, stdout: 'credentials not found in native keychain\n' });
    expect(await authFor('a.io', { config: { credsStore: 'x' }, ask: none })).toBeUndefined();
    const fails: AskHelper = () => Promise.resolve({ code: 2, stdout: 'hunter2' });
    const error: Error = await authFor('a.io', { config: { credsStore: 'x' }, ask: fails }).then(
      () => new Error('no error'),
      (thrown: Error) => thrown,
    );
    expect(error.message).toBe('error getting credentials: docker-credential-x: exit 2');
  });

  test('does not run a helper whose name is a path', async () => {
    await expect(authFor('a.io', { config: { credsStore: '../../evil' }, ask: never })).rejects.toThrow(
      'invalid credential helper name',
    );
  });
});

describe('readDockerConfig', () => {
  test('an absent file is empty', () => {
    expect(readDockerConfig(join(scratch(), 'config.json'))).toEqual({});
  });

  test('a broken file is named, and its text is not told', () => {
    const path = join(scratch(), 'config.json');
    writeFileSync(path, '{"auths": {"x": {"auth": "hunter2');
    let message = '';
    try {
      readDockerConfig(path);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe(`loading config file: ${path}: not JSON`);
  });
});
