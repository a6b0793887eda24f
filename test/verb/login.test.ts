import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { onEveryEngine } from '../support/every-engine.ts';
import { mustRun } from '../support/process.ts';
import { startRegistry, type Registry } from '../support/registry.ts';

// The bcrypt hash of alice's password.
const HTPASSWD = 'alice:$2b$05$abcdefghijklmnopqrstuuA0vov2GDneHB3.8.cv9UF9g.RdvScIW\n';
const AUTH = Buffer.from('alice:wonderland').toString('base64');
let guarded: Registry;

beforeAll(async () => {
  if (inject('registry')) guarded = await startRegistry({ htpasswd: HTPASSWD });
});
afterAll(() => guarded?.stop());

onEveryEngine('login, logout', (engine: Engine) => {
  /** A configuration of its own, with these words in it; `bin` is in its $PATH. */
  async function place(config?: object) {
    const directory = join(engine.spec.home, engine.name('config'));
    const bin = join(directory, 'bin');
    mkdirSync(bin, { recursive: true });
    const file = join(directory, 'config.json');
    if (config) writeFileSync(file, JSON.stringify(config));
    if (engine.spec.uid !== undefined)
      await mustRun('chown', ['-R', `${engine.spec.uid}:${engine.spec.gid}`, directory]);
    const env = { DOCKER_CONFIG: directory, PATH: `${bin}:${process.env.PATH}` };
    return {
      directory,
      bin,
      file,
      read: () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>,
      cli: (args: string[], stdin = '') => engine.cli(args, { env, stdin }),
    };
  }

  const withPassword = ['login', '-u', 'alice', '--password-stdin'];

  test('keeps what the registry took in a file of the user’s alone, warns once, and says where', async () => {
    const { cli, file, read } = await place();
    const first = await cli([...withPassword, guarded.host], 'wonderland\n');
    expect([first.code, first.stdout]).toEqual([0, 'Login Succeeded\n']);
    expect(first.stderr).toBe(
      `\nWARNING! Your credentials are stored unencrypted in '${file}'.\n` +
        'Configure a credential helper to remove this warning. See\n' +
        'https://docs.docker.com/go/credential-store/\n\n',
    );
    expect(read()).toEqual({ auths: { [guarded.host]: { auth: AUTH } } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await cli([...withPassword, `https://${guarded.host}/v2/`], 'wonderland');
    expect([again.code, again.stdout, again.stderr]).toEqual([0, 'Login Succeeded\n', '']);
  });

  test('without a password tries what is kept; logout forgets it', async () => {
    const { cli, read } = await place({ auths: { [guarded.host]: { auth: AUTH } }, HttpHeaders: { A: 'b' } });
    const kept = await cli(['login', guarded.host]);
    expect([kept.code, kept.stdout]).toEqual([0, 'Login Succeeded\n']);
    expect(kept.stderr).toContain('Authenticating with existing credentials... [Username: alice]\n');
    const out = await cli(['logout', guarded.host]);
    expect([out.code, out.stdout]).toEqual([0, `Removing login credentials for ${guarded.host}\n`]);
    expect(read()).toEqual({ auths: {}, HttpHeaders: { A: 'b' } });
    const without = await cli(['login', guarded.host]);
    expect(without.code).toBe(1);
    expect(without.stderr.trim()).toBe('Error: Cannot perform an interactive login from a non TTY device');
  });

  test('with a wrong password fails in Docker’s words, keeps nothing and tells nothing', async () => {
    const { cli, file } = await place();
    const { code, stdout, stderr } = await cli([...withPassword, guarded.host], 'queenofhearts');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trim()).toBe(
      `Error response from daemon: login attempt to ${guarded.url}/v2/ failed with status: 401 Unauthorized`,
    );
    expect(existsSync(file) && readFileSync(file, 'utf8').includes('queenofhearts')).toBe(false);
  });

  test.each([
    [['login', '--password-stdin'], 'the --password-stdin option requires --username to be set'],
    [
      ['login', '-u', 'a', '-p', 'b', '--password-stdin'],
      'conflicting options: cannot specify both --password and --password-stdin',
    ],
    [
      ['login', '-u', 'a', '--password-stdin', '127.0.0.1:1'],
      'Error response from daemon: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
  ])('%j fails in Docker’s words', async (args, message) => {
    const { cli } = await place();
    const { code, stderr } = await cli(args, 'x');
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([1, message]);
  });

  test('gives a credential helper the secret on its input, and the file none', async () => {
    const { cli, bin, directory, file, read } = await place({ credsStore: 'fake' });
    const helper = join(bin, 'docker-credential-fake');
    const log = join(directory, 'log');
    const stored = join(directory, 'stored');
    writeFileSync(
      helper,
      [
        '#!/bin/sh',
        `echo "$*" >> ${log}`,
        'case $1 in',
        `store) cat > ${stored} ;;`,
        `get) [ -e ${stored} ] && echo '{"Username":"alice","Secret":"wonderland"}' || { echo credentials not found in native keychain; exit 1; } ;;`,
        `erase) rm -f ${stored} ;;`,
        'esac',
        '',
      ].join('\n'),
    );
    chmodSync(helper, 0o755);
    const first = await cli([...withPassword, guarded.host], 'wonderland');
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'Login Succeeded\n', '']);
    expect(JSON.parse(readFileSync(stored, 'utf8'))).toEqual({
      ServerURL: guarded.host,
      Username: 'alice',
      Secret: 'wonderland',
    });
    expect(read()).toEqual({ credsStore: 'fake', auths: { [guarded.host]: {} } });
    expect(readFileSync(file, 'utf8') + readFileSync(log, 'utf8')).not.toContain('wonderland');
    expect((await cli(['login', guarded.host])).stdout).toBe('Login Succeeded\n');
    await cli(['logout', guarded.host]);
    expect(existsSync(stored)).toBe(false);
    expect(read()).toEqual({ credsStore: 'fake', auths: {} });
  });

  test('search says what a registry answers that cannot search', async () => {
    const { code, stderr } = await engine.cli(['search', `${guarded.host}/x`]);
    expect([code, stderr.trim()]).toEqual([1, 'Error response from daemon: Unexpected status code 404']);
  });
});
