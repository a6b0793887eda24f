// What the program in the container finds: arguments, environment, user, directory, names, limits. Docker's rules.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';

const registry = inject('registry');
const image = (name: string) => `${registry}/test/${name}`;

onEveryEngine('run: the process', (engine) => {
  const file = (text: string) => {
    const directory = join(engine.spec.home, engine.name('f'));
    mkdirSync(directory);
    const path = join(directory, 'file');
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    return path;
  };

  describe('arguments', () => {
    test('arrive byte for byte: spaces, quotes, newlines, unicode, empty', async () => {
      const words = ['a b', '"q"', "'s'", 'new\nline', 'ünï→', '', '$HOME', '*', '\\'];
      const outcome = await engine.run([], ['printf', '<%s>', ...words]);
      expect(outcome.stdout).toBe(words.map((word) => `<${word}>`).join(''));
    });

    test('the command of the image runs when none is given', async () => {
      expect((await engine.run([], [], { image: image('entrypoint') })).stdout).toBe('entry default words\n');
    });

    test('a given command replaces the image’s command and keeps its entrypoint', async () => {
      expect((await engine.run([], ['mine'], { image: image('entrypoint') })).stdout).toBe('entry mine\n');
    });

    test('--entrypoint drops entrypoint and command of the image', async () => {
      const outcome = await engine.run(['--entrypoint', 'printf'], ['%s-', 'a', 'b'], { image: image('entrypoint') });
      expect(outcome.stdout).toBe('a-b-');
      const alone = await engine.run(['--entrypoint', 'echo'], [], { image: image('entrypoint') });
      expect(alone.stdout).toBe('\n');
    });

    test('an empty --entrypoint runs the command alone', async () => {
      const outcome = await engine.run(['--entrypoint', ''], ['echo', 'plain'], { image: image('entrypoint') });
      expect(outcome.stdout).toBe('plain\n');
    });

    test('a shell-form entrypoint gets the command as its $0 and arguments', async () => {
      expect((await engine.run([], [], { image: image('shell-entrypoint') })).stdout).toBe('shell:a:b\n');
    });
  });

  describe('environment', () => {
    test('without an image’s own: PATH, HOSTNAME and HOME, nothing of the host', async () => {
      const lines = (await engine.sh('env -u SHLVL -u PWD env | sort', ['--hostname', 'h1'])).split('\n');
      expect(lines.filter((line) => !/^(SHLVL|PWD|OLDPWD|_)=/.test(line))).toEqual([
        'HOME=/root',
        'HOSTNAME=h1',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ]);
    });

    test('-e sets, and overrides the image’s', async () => {
      const outcome = await engine.run(
        ['-e', 'BOTH=flag', '-e', 'NEW=a=b c'],
        ['sh', '-c', 'echo "$FROM_IMAGE|$BOTH|$NEW"'],
        {
          image: image('config'),
        },
      );
      expect(outcome.stdout).toBe('yes|flag|a=b c\n');
    });

    test('-e NAME takes the value from the client’s environment; an unset one is not there', async () => {
      const outcome = await engine.run(
        ['-e', 'GIVEN', '-e', 'NOT_GIVEN'],
        ['sh', '-c', 'echo ${GIVEN-unset} ${NOT_GIVEN-unset}'],
        {
          env: { GIVEN: 'from-client' },
        },
      );
      expect(outcome.stdout).toBe('from-client unset\n');
    });

    test('--env-file reads lines, skips comments and blanks, and -e wins', async () => {
      const path = file('# comment\n\nA=1\nB=two words\nC="quoted"\n');
      const outcome = await engine.run(['--env-file', path, '-e', 'A=9'], ['sh', '-c', 'echo "$A|$B|$C"']);
      expect(outcome.stdout).toBe('9|two words|"quoted"\n');
    });

    test('an image without PATH gets Docker’s', async () => {
      const outcome = await engine.run([], ['env'], { image: image('no-path') });
      expect(outcome.stdout).toContain('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n');
    });

    test('-t adds TERM=xterm', async () => {
      expect((await engine.run(['-t'], ['sh', '-c', 'echo $TERM'])).stdout.trim()).toBe('xterm');
    });
  });

  describe('user', () => {
    test('is root with no other group but those of /etc/group', async () => {
      const id = await engine.sh('id -u; id -g; id -G');
      const [uid, gid, groups] = id.split('\n');
      expect([uid, gid]).toEqual(['0', '0']);
      const listed = await engine.sh('grep -E "[:,]root(,|$)" /etc/group | cut -d: -f3 | sort -n | tr "\\n" " "');
      const expected = new Set(['0', ...listed.trim().split(' ').filter(Boolean)]);
      expect(new Set(groups!.split(' '))).toEqual(expected);
    });

    test('USER of the image is looked up in the image', async () => {
      expect(
        await engine.must([
          'run',
          '--rm',
          '--network',
          'none',
          image('user'),
          'sh',
          '-c',
          'id -u; id -g; id -G; echo $HOME',
        ]),
      ).toBe('1234\n1235\n1235 2000\n/home/app');
    });

    test('-u takes names and numbers, with and without group', async () => {
      const ids = async (user: string) =>
        (
          await engine.run(['-u', user], ['sh', '-c', 'echo $(id -u):$(id -g):$(id -G)'], { image: image('user') })
        ).stdout.trim();
      expect(await ids('app')).toBe('1234:1235:1235 2000');
      expect(await ids('1234')).toBe('1234:1235:1235 2000');
      expect(await ids('app:other')).toBe('1234:2001:2001');
      expect(await ids('77:88')).toBe('77:88:88');
      expect(await ids('77')).toBe('77:0:0');
      expect(await ids('root')).toBe('0:0:0');
    });

    test('an unknown number has / as HOME', async () => {
      expect(await engine.sh('echo $HOME', ['-u', '4321'])).toBe('/');
    });

    test('an unknown group is an error that names it', async () => {
      const outcome = await engine.run(['-u', 'root:nogroup-here'], ['true']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/unable to find group nogroup-here: no matching entries in group file/);
    });

    test('--group-add adds numbers and names', async () => {
      const outcome = await engine.run(['-u', '77:88', '--group-add', '99', '--group-add', 'other'], ['id', '-G'], {
        image: image('user'),
      });
      expect(new Set(outcome.stdout.trim().split(' '))).toEqual(new Set(['88', '99', '2001']));
    });

    test('who is not root has no effective capabilities', async () => {
      expect(await engine.sh('grep CapEff /proc/self/status', ['-u', '1000'])).toMatch(/CapEff:\s*0000000000000000/);
    });
  });

  describe('directory', () => {
    test('is / by default, and the image’s where it has one', async () => {
      expect(await engine.sh('pwd')).toBe('/');
      expect((await engine.run([], [], { image: image('config') })).stdout).toBe('/work/dir\nyes image\n');
    });

    test('-w makes it when it is absent', async () => {
      expect(await engine.sh('pwd; ls -ld . | cut -c1-10', ['-w', '/new/deep/dir'])).toBe('/new/deep/dir\ndrwxr-xr-x');
    });
  });

  describe('names', () => {
    test('the hostname is the short id, and /etc/hostname and /etc/hosts agree', async () => {
      const name = engine.name('host');
      const id = await engine.detached(name, [], ['sh', '-c', 'hostname; cat /etc/hostname; cat /etc/hosts']);
      try {
        expect(await engine.must(['wait', name])).toBe('0');
        const lines = (await engine.must(['logs', name])).split('\n');
        expect(lines.slice(0, 2)).toEqual([id.slice(0, 12), id.slice(0, 12)]);
        expect(lines).toContain('127.0.0.1\tlocalhost');
      } finally {
        await engine.remove(name);
      }
    });

    test('--hostname and --domainname are set in the kernel', async () => {
      expect(
        await engine.sh('hostname; cat /proc/sys/kernel/domainname', [
          '--hostname',
          'box',
          '--domainname',
          'example.org',
        ]),
      ).toBe('box\nexample.org');
    });

    test('--add-host is in /etc/hosts', async () => {
      expect(await engine.sh('grep db.local /etc/hosts', ['--add-host', 'db.local:10.9.8.7'])).toBe(
        '10.9.8.7\tdb.local',
      );
    });

    test('--name names it, and the id is printed by -d', async () => {
      const name = engine.name('named');
      const id = await engine.detached(name, [], ['true']);
      try {
        expect(id).toMatch(/^[0-9a-f]{64}$/);
        expect(await engine.inspect(name, '.Id')).toBe(id);
        expect(await engine.inspect(id.slice(0, 12), '.Name')).toBe(`/${name}`);
      } finally {
        await engine.remove(name);
      }
    });

    test('without --name it gets adjective_surname', async () => {
      const id = await engine.must(['create', 'busybox', 'true']);
      try {
        expect(await engine.inspect(id, '.Name')).toMatch(/^\/[a-z]+_[a-z]+\d?$/);
      } finally {
        await engine.remove(id);
      }
    });
  });

  describe('labels', () => {
    test('the image’s and the flags’ are merged; flags win', async () => {
      const name = engine.name('labels');
      const path = file('org.example.c=file\n');
      await engine.must([
        'create',
        '--name',
        name,
        '--label',
        'org.example.b=flag',
        '--label',
        'bare',
        '--label-file',
        path,
        image('config'),
      ]);
      try {
        expect(await engine.inspect(name, '.Config.Labels')).toEqual({
          'org.example.a': 'image',
          'org.example.b': 'flag',
          'org.example.c': 'file',
          bare: '',
        });
      } finally {
        await engine.remove(name);
      }
    });
  });

  describe('init', () => {
    test('without --init the program is PID 1', async () => {
      expect((await engine.run([], ['sh', '-c', 'echo $$'])).stdout).toBe('1\n');
    });

    test('--init puts a reaper before it', async () => {
      expect(await engine.sh('cat /proc/1/cmdline | tr "\\0" " "; echo; echo $$', ['--init'])).toMatch(
        /^\/sbin\/docker-init -- sh -c .*\n(?!1$)\d+$/,
      );
    });

    test('--init reaps orphans', async () => {
      const script =
        '(sh -c "sleep 0.2" & ) ; sh -c "(exit 0) & exec sleep 0.1"; sleep 0.6; ps -o stat,comm | grep -c "^Z" || true';
      expect(await engine.sh(script, ['--init'])).toBe('0');
    });

    test('--init passes the exit code on', async () => {
      expect((await engine.run(['--init'], ['sh', '-c', 'exit 9'])).code).toBe(9);
    });
  });

  describe('limits of the process', () => {
    test('--ulimit sets soft and hard', async () => {
      expect(
        await engine.sh('ulimit -Sn; ulimit -Hn; ulimit -c', ['--ulimit', 'nofile=123:456', '--ulimit', 'core=0']),
      ).toBe('123\n456\n0');
    });

    test('--oom-score-adj reaches the kernel', async () => {
      expect(await engine.sh('cat /proc/self/oom_score_adj', ['--oom-score-adj', '700'])).toBe('700');
    });

    test('the umask is 0022 and no signal is blocked or ignored', async () => {
      const text = await engine.sh('umask; grep -E "Sig(Blk|Ign)" /proc/self/status | cut -f2');
      expect(text).toBe('0022\n0000000000000000\n0000000000000000');
    });

    test('no descriptor but 0, 1 and 2 reaches it', async () => {
      expect((await engine.run([], ['ls', '/proc/self/fd'])).stdout.split('\n').filter(Boolean)).toEqual([
        '0',
        '1',
        '2',
        '3',
      ]);
      const attached = await engine.run(['-i'], ['sh', '-c', 'ls /proc/$$/fd; true'], { stdin: '' });
      expect(attached.stdout.split('\n').filter(Boolean)).toEqual(['0', '1', '2']);
    });
  });

  describe('streams', () => {
    test('-i passes standard input through, byte for byte, to its end', async () => {
      const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
      const outcome = await engine.run(['-i'], ['sha256sum'], { stdin: bytes });
      const { createHash } = await import('node:crypto');
      expect(outcome.stdout.split(' ')[0]).toBe(createHash('sha256').update(bytes).digest('hex'));
    });

    test('without -i standard input is empty', async () => {
      expect((await engine.run([], ['sh', '-c', 'cat | wc -c'], { stdin: 'ignored' })).stdout.trim()).toBe('0');
    });

    test('-a stderr alone hides standard output', async () => {
      const outcome = await engine.run(['-a', 'stderr'], ['sh', '-c', 'echo out; echo err >&2']);
      expect([outcome.stdout, outcome.stderr]).toEqual(['', 'err\n']);
    });

    test('a program that ends before it reads all input is no error', async () => {
      const outcome = await engine.run(['-i'], ['head', '-c', '3'], { stdin: Buffer.alloc(2_000_000, 'x') });
      expect([outcome.code, outcome.stdout]).toEqual([0, 'xxx']);
    });
  });

  describe('files that run writes', () => {
    test('--cidfile holds the id', async () => {
      const directory = join(engine.spec.home, engine.name('cid'));
      mkdirSync(directory);
      chmodSync(directory, 0o777);
      const path = join(directory, 'id');
      const id = await engine.must(['run', '-d', '--network', 'none', '--cidfile', path, 'busybox', 'true']);
      try {
        expect(readFileSync(path, 'utf8')).toBe(id);
      } finally {
        await engine.remove(id);
      }
    });

    test('--rm leaves no container', async () => {
      const name = engine.name('gone');
      await engine.must(['run', '--rm', '--network', 'none', '--name', name, 'busybox', 'true']);
      const outcome = await engine.cli(['inspect', name]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(new RegExp(`[Nn]o such object: ${name}`));
    });

    test('without --rm the container stays, exited, with its code', async () => {
      const name = engine.name('stays');
      const outcome = await engine.cli(['run', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', 'exit 6']);
      try {
        expect(outcome.code).toBe(6);
        expect(await engine.inspect(name, '.State')).toMatchObject({
          Status: 'exited',
          Running: false,
          ExitCode: 6,
          OOMKilled: false,
          Pid: 0,
        });
      } finally {
        await engine.remove(name);
      }
    });
  });

  describe('pull policy and platform', () => {
    const remote = (name: string) => `${registry}/test/${name}`;

    test('--pull never does not ask the registry', async () => {
      const outcome = await engine.run(['--pull', 'never'], ['true'], { image: `${registry}/test/never-pulled` });
      expect(outcome.code).toBe(125);
      expect(outcome.stderr).toMatch(/No such image: .*\/test\/never-pulled:latest/);
    });

    test('--pull always asks even when the image is here', async () => {
      await engine.must(['pull', '-q', remote('entrypoint')]);
      const outcome = await engine.run(['--pull', 'always'], [], { image: remote('entrypoint') });
      expect(outcome.stdout).toBe('entry default words\n');
      expect(outcome.stderr).toMatch(/Status: Image is up to date for/);
    });

    test('an unknown policy is refused', async () => {
      const outcome = await engine.run(['--pull', 'sometimes'], ['true']);
      expect(outcome.code).toBe(125);
      expect(outcome.stderr).toMatch(/invalid pull option: 'sometimes'/);
    });

    test('--platform of this machine runs', async () => {
      const arch = process.arch === 'x64' ? 'amd64' : process.arch;
      expect((await engine.run(['--platform', `linux/${arch}`], ['echo', 'ok'])).stdout).toBe('ok\n');
    });

    test('a missing image is pulled, with the messages on standard error', async () => {
      await engine.cli(['rmi', '-f', remote('shell-entrypoint')]);
      const outcome = await engine.run([], [], { image: remote('shell-entrypoint') });
      expect(outcome.stdout).toBe('shell:a:b\n');
      expect(outcome.stderr).toContain(`Unable to find image '${remote('shell-entrypoint')}:latest' locally`);
      expect(outcome.stderr).toMatch(/Digest: sha256:[0-9a-f]{64}/);
      expect(outcome.stderr).toContain(`Status: Downloaded newer image for ${remote('shell-entrypoint')}:latest`);
    });

    test('an image by digest runs', async () => {
      const digests = (await engine.inspect(remote('entrypoint'), '.RepoDigests')) as string[];
      expect((await engine.run([], [], { image: digests[0]! })).stdout).toBe('entry default words\n');
    });

    test('alpine runs as well as busybox', async () => {
      expect((await engine.run([], ['sh', '-c', 'cd / && ls -d etc'], { image: 'alpine' })).stdout).toBe('etc\n');
    });
  });
});
