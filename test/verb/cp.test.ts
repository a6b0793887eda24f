import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('cp', (engine: Engine) => {
  const running = engine.name('cp-running');
  const stopped = engine.name('cp-stopped');
  const readonly = engine.name('cp-readonly');
  let dir: string;

  beforeAll(async () => {
    dir = join(engine.spec.home, engine.name('cp'));
    await engine.must(['version']);
    await engine.detached(running, ['--tmpfs', '/scratch'], ['sleep', '1000']);
    const create = ['create', '--network', 'none'];
    await engine.must([...create, '--name', stopped, '-v', '/data', 'busybox', 'true']);
    execFileSync('mkdir', ['-p', dir]);
    if (engine.spec.uid !== undefined) execFileSync('chown', [`${engine.spec.uid}:${engine.spec.gid}`, dir]);
    chmodSync(dir, 0o777);
    await engine.must([...create, '--name', readonly, '--read-only', '-v', `${dir}:/ro:ro`, 'busybox', 'true']);
    mkdirSync(join(dir, 'tree/sub'), { recursive: true });
    writeFileSync(join(dir, 'file'), 'content\n');
    chmodSync(join(dir, 'file'), 0o754);
    writeFileSync(join(dir, 'tree/one'), '1');
    writeFileSync(join(dir, 'tree/sub/two'), '2', { mode: 0o755 });
    symlinkSync('one', join(dir, 'tree/link'));
    symlinkSync('/etc/passwd', join(dir, 'tree/absolute'));
    mkdirSync(join(dir, 'out'));
    chmodSync(join(dir, 'out'), 0o777);
  });
  afterAll(() => engine.remove(running, stopped, readonly));

  /** What is at a path of a container, as a listing of its archive without times and names of owners. */
  async function listing(container: string, path: string): Promise<string[]> {
    const archive = join(dir, engine.name('archive'));
    const { stdout } = await engine.cli(['cp', `${container}:${path}`, '-'], { encoding: 'latin1' });
    writeFileSync(archive, stdout, 'latin1');
    const lines = execFileSync('tar', ['-tvf', archive, '--numeric-owner'], { encoding: 'utf8' });
    return lines
      .trim()
      .split('\n')
      .map((line) => line.replace(/^(\S+) +\S+ +(\d+) \S+ \S+ /, '$1 $2 '));
  }

  test.each(['running', 'stopped'])('a file goes into a %s container and comes back with its mode', async (state) => {
    const container = state === 'running' ? running : stopped;
    await engine.must(['cp', join(dir, 'file'), `${container}:/tmp/renamed`]);
    expect(await listing(container, '/tmp/renamed')).toEqual(['-rwxr-xr-- 8 renamed']);
    await engine.must(['cp', `${container}:/tmp/renamed`, join(dir, `out/${state}-${engine.spec.client}`)]);
    const back = join(dir, `out/${state}-${engine.spec.client}`);
    expect(readFileSync(back, 'utf8')).toBe('content\n');
    expect(lstatSync(back).mode & 0o777).toBe(0o754);
  });

  test('what is copied into a running container is there for its programs', async () => {
    await engine.must(['cp', join(dir, 'tree'), `${running}:/seen`]);
    const name = engine.name('seen');
    await engine.must(['cp', `${running}:/seen`, join(dir, 'out', name)]);
    expect(readFileSync(join(dir, 'out', name, 'sub/two'), 'utf8')).toBe('2');
    expect(readlinkSync(join(dir, 'out', name, 'link'))).toBe('one');
    expect(readlinkSync(join(dir, 'out', name, 'absolute'))).toBe('/etc/passwd');
  });

  test('a directory to a name that is not there takes that name; to one that is there, it goes inside', async () => {
    await engine.must(['cp', join(dir, 'tree'), `${stopped}:/fresh`]);
    await engine.must(['cp', join(dir, 'tree'), `${stopped}:/fresh`]);
    const entries = await listing(stopped, '/fresh');
    expect(entries).toContain('-rw-r--r-- 1 fresh/one');
    expect(entries).toContain('-rwxr-xr-x 1 fresh/tree/sub/two');
    expect(entries).toContain('lrwxrwxrwx 0 fresh/tree/link -> one');
  });

  test('`/.` copies what is in a directory', async () => {
    await engine.must(['cp', `${join(dir, 'tree')}/.`, `${stopped}:/root`]);
    expect(await listing(stopped, '/root/one')).toEqual(['-rw-r--r-- 1 one']);
    const name = engine.name('contents');
    mkdirSync(join(dir, 'out', name));
    chmodSync(join(dir, 'out', name), 0o777);
    await engine.must(['cp', `${stopped}:/root/.`, join(dir, 'out', name)]);
    expect(readFileSync(join(dir, 'out', name, 'one'), 'utf8')).toBe('1');
  });

  test('a volume is written to before the container ever ran', async () => {
    await engine.must(['cp', join(dir, 'file'), `${stopped}:/data/kept`]);
    expect(await listing(stopped, '/data')).toEqual(['drwxr-xr-x 0 data/', '-rwxr-xr-- 8 data/kept']);
  });

  test('an archive on standard input is extracted, with its owners', async () => {
    const archive = join(dir, engine.name('in'));
    execFileSync('tar', ['-C', join(dir, 'tree'), '--owner=7', '--group=8', '-cf', archive, 'one', 'sub']);
    await engine.must(['cp', '-', `${stopped}:/srv-not-there`], { stdin: readFileSync(archive) }).then(
      () => expect.unreachable(),
      (error: Error) => expect(error.message).toContain(`destination "${stopped}:/srv-not-there" must be a directory`),
    );
    await engine.must(['cp', '-', `${stopped}:/home`], { stdin: readFileSync(archive) });
    const { stdout } = await engine.cli(['cp', `${stopped}:/home/one`, '-'], { encoding: 'latin1' });
    const back = join(dir, engine.name('back'));
    writeFileSync(back, stdout, 'latin1');
    expect(execFileSync('tar', ['-tvf', back, '--numeric-owner'], { encoding: 'utf8' })).toContain(' 7/8 ');
  });

  test('a link in the container never leads to the host', async () => {
    const hostile = engine.name('hostile');
    const script = `ln -s / /root-link; ln -s ../../../../../../.. /up; ln -s ${dir} /out; ln -s ${dir}/file /leak`;
    await engine.must(['run', '--network', 'none', '--name', hostile, 'busybox', 'sh', '-c', script]);
    const missing = `Could not find the file`;
    expect((await engine.cli(['cp', `${hostile}:/out/file`, '-'])).stderr).toContain(missing);
    expect((await engine.cli(['cp', `${hostile}:/up${dir}/file`, '-'])).stderr).toContain(missing);
    expect((await engine.cli(['cp', join(dir, 'file'), `${hostile}:/out/stolen`])).code).not.toBe(0);
    await engine.must(['cp', join(dir, 'file'), `${hostile}:/root-link/inside`]);
    expect(await listing(hostile, '/inside')).toEqual(['-rwxr-xr-- 8 inside']);
    await engine.remove(hostile);
  });

  const refusals: [string, (at: { dir: string }) => [string, string], string][] = [
    [
      'a path that is not there',
      () => [`${running}:/nope`, '-'],
      `Could not find the file /nope in container ${running}`,
    ],
    [
      'a container that is not there',
      ({ dir: at }) => [`${at}/file`, 'no-such-one:/x'],
      'No such container: no-such-one',
    ],
    [
      'a directory that is not there',
      ({ dir: at }) => [`${at}/file`, `${running}:/nope/x`],
      'Could not find the file /nope in container',
    ],
    ['a file as a directory', ({ dir: at }) => [`${at}/file`, `${running}:/missing/`], 'no such directory'],
    ['a directory over a file', ({ dir: at }) => [`${at}/tree`, `${running}:/etc/passwd`], 'cannot copy directory'],
    ['a local path that is not there', ({ dir: at }) => [`${at}/absent`, `${running}:/x`], 'no such file or directory'],
    ['a read-only root', ({ dir: at }) => [`${at}/file`, `${readonly}:/x`], 'container rootfs is marked read-only'],
    ['a read-only volume', ({ dir: at }) => [`${at}/file`, `${readonly}:/ro/x`], 'mounted volume is marked read-only'],
    ['two containers', () => [`${running}:/etc`, `${stopped}:/x`], 'copying between containers is not supported'],
    ['no container', ({ dir: at }) => [`${at}/file`, `${at}/x`], 'must specify at least one container source'],
    [
      'what is mounted for the container alone',
      () => [`${running}:/proc/version`, '-'],
      'Could not find the file /proc/version in container',
    ],
  ];
  test.each(refusals)('%s is refused in Docker’s words', async (_, args, text) => {
    const { code, stderr } = await engine.cli(['cp', ...args({ dir })]);
    expect(stderr).toContain(text);
    expect(code).toBe(1);
  });

  test('an archive that is none is an error', async () => {
    const { code, stderr } = await engine.cli(['cp', '-', `${running}:/tmp`], { stdin: Buffer.from('garbage\n') });
    expect(stderr).toContain('Error processing tar file(exit status 1)');
    expect(code).toBe(1);
  });
});
