import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeDirectory } from '../../src/native/addon.ts';
import { MS_NODEV, MS_NOSUID, MS_RELATIME } from '../../src/native/constants.ts';
import { mountFlags } from '../../src/runtime/sealed-program.ts';
import { claims } from '../support/claims.ts';
import { need } from '../support/need.ts';
import { testUser } from '../support/user.ts';

test('the flags are those of the topmost mount on the place', () => {
  const mountinfo =
    '1 0 8:1 / / rw,relatime - ext4 /dev/a rw\n' +
    '2 1 8:1 /x /run/a\\040b rw,noexec - ext4 /dev/a rw\n' +
    '3 2 8:1 /x /run/a\\040b rw,nosuid,nodev,relatime shared:1 - ext4 /dev/a rw\n';
  expect(mountFlags(mountinfo, '/run/a b')).toBe(MS_NOSUID | MS_NODEV | MS_RELATIME);
  expect(mountFlags(mountinfo, '/elsewhere')).toBe(0);
});

claims('a sealed program', need('subids'), () => {
  let directory: string;
  const user = process.getuid!() === 0 ? testUser() : undefined;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'punnet-sealed-'));
    chmodSync(directory, 0o755);
    copyFileSync(join(nativeDirectory(), 'punnet.node'), join(directory, 'punnet.node'));
    copyFileSync('/bin/true', join(directory, 'program'));
    const source = `
      import { sealProgram } from ${JSON.stringify(new URL('../../src/runtime/sealed-program.ts', import.meta.url).pathname)};
      import { execFileSync } from 'node:child_process';
      import { openSync } from 'node:fs';
      const [, , program, place] = process.argv;
      sealProgram(program, place);
      sealProgram(program, place);
      execFileSync(place);
      const attempt = () => { try { openSync(place, 'r+'); return 'opened'; } catch (error) { return error.code; } };
      console.log(attempt());`;
    writeFileSync(join(directory, 'seal.ts'), source);
    const bundle = { entryPoints: [join(directory, 'seal.ts')], outfile: join(directory, 'seal.mjs') };
    await build({ ...bundle, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
    if (user) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, directory]);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('runs, and its owner cannot write to it there; sealing it again is no error', () => {
    const script = [join(directory, 'seal.mjs'), join(directory, 'program'), join(directory, 'place')];
    const args = ['--map-root-user', '--map-auto', '--mount', process.execPath, ...script];
    const ids = user ? { uid: user.uid, gid: user.gid } : {};
    const env = { PATH: process.env.PATH, PUNNET_NATIVE: directory };
    expect(execFileSync('unshare', args, { ...ids, env, encoding: 'utf8', cwd: '/' }).trim()).toBe('EROFS');
  });
});
