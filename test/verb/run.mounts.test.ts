// File systems of a container: its own layer, binds, tmpfs, read-only root, /dev, /proc, /sys. Docker's rules.

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';

const registry = inject('registry');

onEveryEngine('run: file systems', (engine) => {
  /** A directory on the host that the container's root may write, whoever runs the engine. */
  const directory = () => {
    const path = join(engine.spec.home, engine.name('bind'));
    mkdirSync(path);
    chmodSync(path, 0o777);
    return path;
  };
  const mountOptions = async (target: string, flags: string[]) => {
    const line = await engine.sh(`grep " ${target} " /proc/self/mountinfo`, flags);
    return line.split(' ')[5]!.split(',');
  };

  describe('the container’s own layer', () => {
    test('is writable, private to the container, and gone with it', async () => {
      expect(await engine.sh('echo x > /made; rm /bin/ls; cat /made')).toBe('x');
      expect(await engine.sh('test -e /made || echo absent; test -e /bin/ls && echo present')).toBe('absent\npresent');
    });

    test('is kept while the container exists', async () => {
      const name = engine.name('keep');
      await engine.must([
        'create',
        '--network',
        'none',
        '--name',
        name,
        'busybox',
        'sh',
        '-c',
        'echo line >> /log; wc -l < /log',
      ]);
      try {
        expect((await engine.cli(['start', '-a', name])).stdout).toBe('1\n');
        expect((await engine.cli(['start', '-a', name])).stdout).toBe('2\n');
      } finally {
        await engine.remove(name);
      }
    });

    test('owners and modes of the image’s files are kept', async () => {
      const script = 'stat -c "%a %u:%g" /data/owned /data/setuid';
      const outcome = await engine.run([], ['sh', '-c', script], { image: `${registry}/test/files` });
      expect(outcome.stdout).toBe('640 1000:1001\n4755 0:0\n');
    });

    test('chown to any id of the image’s range works', async () => {
      expect(await engine.sh('touch /f; chown 65534:65533 /f; stat -c %u:%g /f')).toBe('65534:65533');
    });

    test('a link of the image that points upward ends in the container', async () => {
      const outcome = await engine.run(['--hostname', 'inside'], ['cat', '/data/escape'], {
        image: `${registry}/test/files`,
      });
      expect(outcome.stdout).toBe('inside\n');
    });
  });

  describe('binds', () => {
    test('-v shows host files, and what the container writes is on the host', async () => {
      const host = directory();
      writeFileSync(join(host, 'from-host'), 'host\n');
      expect(await engine.sh('cat /b/from-host; echo container > /b/from-container', ['-v', `${host}:/b`])).toBe(
        'host',
      );
      expect(readFileSync(join(host, 'from-container'), 'utf8')).toBe('container\n');
    });

    test('files that the container’s root makes belong to the engine’s user', async () => {
      const host = directory();
      await engine.sh('touch /b/new', ['-v', `${host}:/b`]);
      expect(statSync(join(host, 'new')).uid).toBe(engine.spec.hostRoot);
    });

    test(':ro refuses writes', async () => {
      const host = directory();
      const outcome = await engine.run(['-v', `${host}:/b:ro`], ['touch', '/b/x']);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining('Read-only file system')]);
      expect(await mountOptions('/b', ['-v', `${host}:/b:ro`])).toContain('ro');
    });

    test('-v of a source that is absent makes a directory', async () => {
      const host = join(directory(), 'new/deep');
      expect(await engine.sh('ls -d /b', ['-v', `${host}:/b`])).toBe('/b');
      expect(statSync(host).isDirectory()).toBe(true);
    });

    test('--mount type=bind is the same mount', async () => {
      const host = directory();
      writeFileSync(join(host, 'f'), 'via mount\n');
      const flags = ['--mount', `type=bind,source=${host},target=/b,readonly`];
      expect(await engine.sh('cat /b/f', flags)).toBe('via mount');
      expect(await mountOptions('/b', flags)).toContain('ro');
    });

    test('a single file is bound on a file', async () => {
      const host = join(directory(), 'one');
      writeFileSync(host, 'one file\n');
      expect(await engine.sh('cat /etc/one.conf', ['-v', `${host}:/etc/one.conf:ro`])).toBe('one file');
    });

    test('a bind over a file of the image covers it', async () => {
      const host = join(directory(), 'passwd');
      writeFileSync(host, 'root:x:0:0::/covered:/bin/sh\n');
      chmodSync(host, 0o644);
      expect(await engine.sh('cat /etc/passwd; echo $HOME', ['-v', `${host}:/etc/passwd:ro`])).toContain(':/covered:');
    });

    test('a bind inside a bind is mounted after it', async () => {
      const [outer, inner] = [directory(), directory()];
      writeFileSync(join(inner, 'f'), 'inner\n');
      expect(await engine.sh('cat /a/b/f', ['-v', `${inner}:/a/b`, '-v', `${outer}:/a`])).toBe('inner');
    });

    test('a target that is a link of the image stays inside the container', async () => {
      const host = directory();
      writeFileSync(join(host, 'f'), 'bound\n');
      const before = existsSync('/data');
      const flags = ['-v', `${host}:/data/sub/dir`];
      const outcome = await engine.run(flags, ['cat', '/data/sub/dir/f'], { image: `${registry}/test/files` });
      expect(outcome.stdout).toBe('bound\n');
      expect(existsSync('/data')).toBe(before);
    });

    test('a source that is a link is followed on the host', async () => {
      const host = directory();
      mkdirSync(join(host, 'real'));
      writeFileSync(join(host, 'real/f'), 'through\n');
      symlinkSync(join(host, 'real'), join(host, 'link'));
      expect(await engine.sh('cat /b/f', ['-v', `${join(host, 'link')}:/b`])).toBe('through');
    });

    test('the mount is private: what the container mounts below it does not reach the host', async () => {
      const host = directory();
      expect(await engine.sh('grep " /b " /proc/self/mountinfo | grep -c shared: || true', ['-v', `${host}:/b`])).toBe(
        '0',
      );
    });

    test('inspect lists it', async () => {
      const host = directory();
      const name = engine.name('mounts');
      await engine.must(['create', '--name', name, '-v', `${host}:/b:ro`, 'busybox', 'true']);
      try {
        expect(await engine.inspect(name, '.Mounts')).toEqual([
          { Type: 'bind', Source: host, Destination: '/b', Mode: 'ro', RW: false, Propagation: 'rprivate' },
        ]);
        expect(await engine.inspect(name, '.HostConfig.Binds')).toEqual([`${host}:/b:ro`]);
      } finally {
        await engine.remove(name);
      }
    });
  });

  describe('tmpfs', () => {
    test('--tmpfs is empty, writable, and not executable unless asked', async () => {
      const options = await mountOptions('/t', ['--tmpfs', '/t']);
      expect(options).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev', 'noexec']));
      expect(await engine.sh('touch /t/x; ls /t', ['--tmpfs', '/t'])).toBe('x');
      expect(await mountOptions('/t', ['--tmpfs', '/t:exec'])).not.toContain('noexec');
    });

    test('size and mode are honoured', async () => {
      const script = 'stat -c %a /t; dd if=/dev/zero of=/t/f bs=1M count=3 2>&1 | grep -o "No space left on device"';
      expect(await engine.sh(script, ['--tmpfs', '/t:size=2m,mode=1777'])).toBe('1777\nNo space left on device');
    });

    test('--mount type=tmpfs takes tmpfs-size and tmpfs-mode', async () => {
      const flags = ['--mount', 'type=tmpfs,target=/t,tmpfs-size=1048576,tmpfs-mode=0700'];
      expect(await engine.sh('stat -c %a /t; df -k /t | tail -1 | awk "{print \\$2}"', flags)).toBe('700\n1024');
    });

    test('--shm-size is the size of /dev/shm; 64 MB by default', async () => {
      const size = 'df -k /dev/shm | tail -1 | awk "{print \\$2}"';
      expect(await engine.sh(size)).toBe('65536');
      expect(await engine.sh(size, ['--shm-size', '8m'])).toBe('8192');
    });
  });

  describe('--read-only', () => {
    test('refuses writes to the root, and leaves /dev/shm and tmpfs writable', async () => {
      const script = 'touch /x 2>&1; touch /dev/shm/ok /t/ok && echo written';
      expect(await engine.sh(script, ['--read-only', '--tmpfs', '/t'])).toBe(
        'touch: /x: Read-only file system\nwritten',
      );
    });

    test('leaves binds writable', async () => {
      const host = directory();
      await engine.sh('echo y > /b/f', ['--read-only', '-v', `${host}:/b`]);
      expect(readFileSync(join(host, 'f'), 'utf8')).toBe('y\n');
    });
  });

  describe('/dev', () => {
    test('has Docker’s nodes and links, and they work', async () => {
      const script =
        'cd /dev; ls -1 | sort | tr "\\n" " "; head -c 4 zero | wc -c; head -c 4 urandom | wc -c; echo x > null; for link in fd stdin stdout stderr; do readlink $link; done';
      const lines = (await engine.sh(script)).split('\n');
      expect(lines[0]!.replace(/4$/, '').trim().split(' ')).toEqual(
        expect.arrayContaining([
          'fd',
          'full',
          'mqueue',
          'null',
          'ptmx',
          'pts',
          'random',
          'shm',
          'stderr',
          'stdin',
          'stdout',
          'tty',
          'urandom',
          'zero',
        ]),
      );
      expect(lines.slice(-4)).toEqual(['/proc/self/fd', '/proc/self/fd/0', '/proc/self/fd/1', '/proc/self/fd/2']);
    });

    test('has none of the host’s disks', async () => {
      expect(await engine.sh('find /dev -type b | wc -l')).toBe('0');
    });

    test('devpts is the container’s own', async () => {
      const line = await engine.sh('grep " /dev/pts " /proc/self/mountinfo');
      expect(line).toMatch(/devpts/);
      expect(line).toMatch(/gid=5|gid=\d+/);
      expect(await engine.sh('ls /dev/pts')).toBe('ptmx');
    });

    test('--device adds a node of the host', async () => {
      expect(
        await engine.sh('test -c /dev/mine && head -c 3 /dev/mine | wc -c', ['--device', '/dev/zero:/dev/mine']),
      ).toBe('3');
    });

    test('a --device that is absent is an error that names it', async () => {
      const outcome = await engine.run(['--device', '/dev/no-such-device'], ['true']);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/\/dev\/no-such-device.*no such file or directory/);
    });
  });

  describe('kernel file systems', () => {
    test('/proc shows the container alone', async () => {
      expect(await engine.sh('ls /proc | grep -c "^[0-9]"')).toMatch(/^[1-5]$/);
    });

    test.each(['/proc/kcore', '/proc/keys', '/proc/timer_list'])('%s is masked', async (path) => {
      expect(await engine.sh(`test -e ${path} || echo; head -c 1 ${path} 2>/dev/null | wc -c`)).toMatch(/^\n?0$/);
    });

    test.each(['/proc/acpi', '/proc/scsi', '/sys/firmware'])('%s is masked where the kernel has it', async (path) => {
      expect(await engine.sh(`ls -A ${path} 2>/dev/null | wc -l`)).toBe('0');
    });

    test.each(['/proc/sys', '/proc/irq', '/proc/bus', '/proc/fs', '/proc/sysrq-trigger'])(
      '%s is read-only',
      async (path) => {
        if (!existsSync(path)) return; // this kernel was built without it
        expect(await mountOptions(path, [])).toContain('ro');
      },
    );

    test('/sys is read-only', async () => {
      expect(await mountOptions('/sys', [])).toContain('ro');
    });

    test('--security-opt systempaths=unconfined unmasks', async () => {
      const count = await engine.sh('grep -c " /proc/" /proc/self/mountinfo || true', [
        '--security-opt',
        'systempaths=unconfined',
      ]);
      expect(count).toBe('0');
    });

    test('inspect lists masked and read-only paths as Docker does', async () => {
      const name = engine.name('masked');
      await engine.must(['create', '--name', name, 'busybox', 'true']);
      try {
        expect(await engine.inspect(name, '.HostConfig.MaskedPaths')).toEqual(
          expect.arrayContaining([
            '/proc/kcore',
            '/proc/keys',
            '/proc/timer_list',
            '/proc/sched_debug',
            '/proc/scsi',
            '/sys/firmware',
          ]),
        );
        expect(await engine.inspect(name, '.HostConfig.ReadonlyPaths')).toEqual(
          expect.arrayContaining(['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']),
        );
      } finally {
        await engine.remove(name);
      }
    });

    test('the root mount is not the host’s, and no host mount is visible', async () => {
      const lines = (await engine.sh('cut -d" " -f5 /proc/self/mountinfo')).split('\n');
      const known = /^\/($|proc|dev|sys|etc\/(hosts|hostname|resolv\.conf)$)/;
      expect(lines.filter((line) => !known.test(line))).toEqual([]);
    });
  });
});
