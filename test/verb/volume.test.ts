import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('volumes', (engine: Engine) => {
  const made: string[] = [];
  const containers: string[] = [];
  afterAll(async () => {
    await engine.remove(...containers);
    await engine.cli(['volume', 'rm', '-f', ...made]);
  });

  async function volume(...flags: string[]): Promise<string> {
    const name = engine.name('vol');
    made.push(name);
    expect(await engine.must(['volume', 'create', ...flags, name])).toBe(name);
    return name;
  }

  function container(hint: string): string {
    const name = engine.name(hint);
    containers.push(name);
    return name;
  }

  test('what a container writes to a named volume is there for the next one, after it is gone', async () => {
    const name = await volume();
    await engine.sh('echo kept > /data/file; chown 7:8 /data/file', ['-v', `${name}:/data`]);
    expect(await engine.sh('cat /data/file; stat -c %u:%g /data/file', ['-v', `${name}:/data`])).toBe('kept\n7:8');
    const mount = `type=volume,source=${name},target=/data,readonly`;
    const { code, stderr } = await engine.run(['--mount', mount], ['touch', '/data/x']);
    expect(stderr).toContain('Read-only file system');
    expect(code).toBe(1);
  });

  test('-v makes a volume that is not there; inspect and ls show it', async () => {
    const name = engine.name('fresh');
    made.push(name);
    await engine.sh('true', ['-v', `${name}:/data`]);
    const [found] = JSON.parse(await engine.must(['volume', 'inspect', name])) as Record<string, unknown>[];
    expect(found).toMatchObject({ Name: name, Driver: 'local', Scope: 'local', Labels: null, Options: null });
    expect(String(found!.Mountpoint)).toMatch(new RegExp(`/${name}/_data$`));
    expect(String(found!.CreatedAt)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/);
    expect(await engine.must(['volume', 'ls', '--filter', `name=${name}`])).toBe(
      `DRIVER    VOLUME NAME\nlocal     ${name}`,
    );
    expect(await engine.must(['volume', 'ls', '-q', '--filter', `name=${name}`])).toBe(name);
  });

  test('labels are kept and filter', async () => {
    const name = await volume('--label', 'purpose=test', '--label', 'bare');
    const inspect = (format: string) => engine.must(['volume', 'inspect', '--format', format, name]);
    expect(JSON.parse(await inspect('{{json .Labels}}'))).toEqual({ purpose: 'test', bare: '' });
    const filtered = (label: string) =>
      engine.must(['volume', 'ls', '-q', '-f', `label=${label}`, '-f', `name=${name}`]);
    expect(await filtered('purpose=test')).toBe(name);
    expect(await filtered('purpose=other')).toBe('');
    expect(
      await engine.must(['volume', 'ls', '-f', `name=${name}`, '--format', '{{.Name}} {{.Label "purpose"}}']),
    ).toBe(`${name} test`);
  });

  test('an empty volume is filled with what the image has there, owners and modes kept; a full one is not', async () => {
    const name = await volume();
    const listing = 'stat -c "%a %u:%g %n" /etc/shadow; test -s /etc/group && echo group';
    expect(await engine.sh(listing, ['-v', `${name}:/etc`])).toBe('600 0:0 /etc/shadow\ngroup');
    await engine.sh('rm /data/group; echo mine > /data/own', ['-v', `${name}:/data`]);
    expect(await engine.sh('ls /etc/group /etc/own 2>&1; true', ['-v', `${name}:/etc`])).toBe(
      'ls: /etc/group: No such file or directory\n/etc/own',
    );
  });

  test('the directory of an empty volume looks as the image’s does', async () => {
    const name = await volume();
    expect(await engine.sh('stat -c %a /tmp', ['-v', `${name}:/tmp`])).toBe('1777');
  });

  test('nocopy leaves it empty', async () => {
    for (const flag of [
      ['-v', `${await volume()}:/etc/:nocopy`],
      ['--mount', `type=volume,source=${await volume()},target=/etc,volume-nocopy`],
    ]) {
      expect(await engine.sh('ls /etc/group 2>/dev/null | wc -l', flag)).toBe('0');
    }
  });

  test('a volume that a container has cannot be removed, by whatever state; without it, it can', async () => {
    const name = await volume();
    const user = container('user');
    const id = await engine.must(['create', '--network', 'none', '--name', user, '-v', `${name}:/data`, 'busybox']);
    const refused = await engine.cli(['volume', 'rm', name]);
    expect(refused.stderr).toContain(`remove ${name}: volume is in use - [${id}]`);
    expect(refused.code).toBe(1);
    expect(await engine.must(['volume', 'ls', '-q', '-f', 'dangling=true', '-f', `name=${name}`])).toBe('');
    await engine.must(['rm', user]);
    expect(await engine.must(['volume', 'ls', '-q', '-f', 'dangling=true', '-f', `name=${name}`])).toBe(name);
    expect(await engine.must(['volume', 'rm', name])).toBe(name);
    const gone = await engine.cli(['volume', 'inspect', name]);
    expect(gone.stderr).toContain('no such volume');
    expect(gone.code).toBe(1);
  });

  test('`rm -v` takes the anonymous volumes of a container along, and leaves the named ones', async () => {
    const name = await volume();
    const user = container('anonymous');
    await engine.must(['create', '--network', 'none', '--name', user, '-v', `${name}:/a`, '-v', '/b', 'busybox']);
    const mounts = (await engine.inspect(user, '.Mounts')) as { Name: string; Destination: string; Driver: string }[];
    const anonymous = mounts.find(({ Destination }) => Destination === '/b')!;
    expect(anonymous).toMatchObject({ Driver: 'local', Name: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    await engine.must(['rm', '-v', user]);
    expect(await engine.must(['volume', 'ls', '-q', '-f', `name=${name}`])).toBe(name);
    expect((await engine.cli(['volume', 'inspect', anonymous.Name])).code).toBe(1);
  });

  test('--volumes-from takes another container’s mounts, read-only when it says so', async () => {
    const name = await volume();
    const from = container('from');
    await engine.must(['create', '--network', 'none', '--name', from, '-v', `${name}:/data`, 'busybox']);
    await engine.sh('echo shared > /data/file', ['--volumes-from', from]);
    expect(await engine.sh('cat /data/file', ['--volumes-from', `${from}:ro`])).toBe('shared');
    const { code } = await engine.run(['--volumes-from', `${from}:ro`], ['touch', '/data/x']);
    expect(code).toBe(1);
    const missing = await engine.run(['--volumes-from', 'no-such-one'], ['true']);
    expect(missing.stderr).toContain('No such container: no-such-one');
    expect(missing.code).toBe(125);
  });

  const refusals: [string, string[], string][] = [
    ['a name with a slash', ['volume', 'create', 'a/b'], 'includes invalid characters for a local volume name'],
    ['a name of one letter', ['volume', 'create', 'a'], 'volume name is too short'],
    ['an unknown option', ['volume', 'create', '-o', 'colour=red', 'vol-x'], 'invalid option'],
    ['an unknown volume', ['volume', 'rm', 'no-such-volume'], 'get no-such-volume: no such volume'],
    ['an unknown filter', ['volume', 'ls', '-f', 'colour=red'], "nvalid filter 'colour'"],
  ];
  test.each(refusals)('%s is refused in Docker’s words', async (_, args, text) => {
    const { code, stderr } = await engine.cli(args);
    expect(stderr).toContain(text);
    expect(code).toBe(1);
  });

  test('prune removes what nobody has, and says how much that was', async () => {
    const name = await volume('--label', 'prune=me');
    await engine.sh('head -c 1000 /dev/zero > /data/file', ['-v', `${name}:/data`]);
    // An API before 1.42 prunes named volumes unasked, and the command line knows.
    const all = engine.spec.kind === 'docker' ? [] : ['-a'];
    const output = await engine.must(['volume', 'prune', '-f', ...all, '--filter', 'label=prune=me']);
    expect(output).toContain(`Deleted Volumes:\n${name}\n`);
    expect(output).toContain('Total reclaimed space: 1kB');
  });
});
