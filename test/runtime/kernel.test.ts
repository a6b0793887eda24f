import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MASKED_PATHS, READONLY_PATHS } from '../../src/runtime/default-spec.ts';
import { claims } from '../support/claims.ts';
import { makeHost, run, sh, start, unmet, type Host, type Wanted } from './container.ts';

claims('a container on a real kernel', unmet, () => {
  let host: Host;
  const inside = (script: string, wanted?: Wanted) => sh(host, script, wanted);
  beforeAll(() => {
    host = makeHost();
  });
  afterAll(() => host?.remove());

  describe('namespaces', () => {
    test('all seven are its own', async () => {
      const names = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'];
      const found = (await inside(`cd /proc/self/ns; for name in ${names.join(' ')}; do readlink $name; done`)).split(
        '\n',
      );
      const ours = names.map((name) => readlinkSync(`/proc/self/ns/${name}`));
      expect(found).toHaveLength(7);
      found.forEach((name, index) => expect(name).not.toBe(ours[index]));
    });

    test('the program is process 1 and sees no other but its children', async () => {
      expect(await inside('echo $$ /proc/[0-9]*')).toBe('1 /proc/1');
    });

    test('its root is nobody on the host, and its ids lie in the ranges of the user', async () => {
      const { pid, control, ended } = await start(host, ['sleep', '100']);
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
      expect(uid).toBe(host.facts.uidMap[0]!.hostID);
      expect(uid).not.toBe(0);
      control.signal(9);
      expect((await ended).signal).toBe(9);
    });

    test('the host name is its own', async () => {
      expect(await inside('hostname', { config: { Hostname: 'apple' } })).toBe('apple');
    });

    test('lo is up, and there is no other interface', async () => {
      expect(
        await inside('ls /sys/class/net; cat /sys/class/net/lo/carrier; ping -c 1 -W 2 127.0.0.1 >/dev/null'),
      ).toBe('lo\n1');
    });

    test('with the host’s pid, ipc, uts, net, user and cgroup namespace it has those', async () => {
      const host_: Wanted['host'] = {
        PidMode: 'host',
        IpcMode: 'host',
        UTSMode: 'host',
        NetworkMode: 'host',
        CgroupnsMode: 'host',
      };
      const names = ['pid', 'ipc', 'uts', 'net', 'cgroup'];
      const found = (
        await inside(`cd /proc/self/ns; for name in ${names.join(' ')}; do readlink $name; done`, { host: host_ })
      ).split('\n');
      expect(found).toEqual(names.map((name) => readlinkSync(`/proc/self/ns/${name}`)));
      expect(await inside('cat /proc/self/uid_map', { host: { UsernsMode: 'host' } })).toContain(
        String(host.facts.uidMap[0]!.hostID),
      );
    });

    test('its cgroup tree has its own root', async () => {
      expect(await inside('grep ^0 /proc/self/cgroup')).toBe('0::/');
    });
  });

  describe('privileges', () => {
    const status = async (name: string, wanted?: Wanted) =>
      (await inside(`sed -n 's/^${name}:\\s*//p' /proc/self/status`, wanted)).trim();

    test('root has Docker’s fourteen capabilities, and none is inheritable or ambient', async () => {
      expect(await status('CapEff')).toBe('00000000a80425fb');
      expect(await status('CapPrm')).toBe('00000000a80425fb');
      expect(await status('CapBnd')).toBe('00000000a80425fb');
      expect(await status('CapInh')).toBe('0000000000000000');
      expect(await status('CapAmb')).toBe('0000000000000000');
    });

    test('another user has none, but can get them back by a set-user-id program', async () => {
      const user = { uid: 1000, gid: 1000 };
      expect(await status('CapEff', { user })).toBe('0000000000000000');
      expect(await status('CapBnd', { user })).toBe('00000000a80425fb');
    });

    test('added and dropped ones show', async () => {
      expect(await status('CapEff', { host: { CapDrop: ['ALL'], CapAdd: ['CHOWN'] } })).toBe('0000000000000001');
      expect(await status('CapEff', { host: { CapAdd: ['SYS_ADMIN'] } })).toBe('00000000a82425fb');
    });

    test('ids and groups are as asked', async () => {
      expect(await inside('id', { user: { uid: 1000, gid: 1001, additionalGids: [5, 1001] } })).toBe(
        'uid=1000(app) gid=1001 groups=5,1001',
      );
    });

    test('no new privileges only when asked', async () => {
      expect(await status('NoNewPrivs')).toBe('0');
      expect(await status('NoNewPrivs', { host: { SecurityOpt: ['no-new-privileges'] } })).toBe('1');
      expect(await status('Seccomp', { host: { SecurityOpt: ['no-new-privileges'] } })).toBe('2');
    });

    test('system calls are filtered, unless unconfined', async () => {
      expect(await status('Seccomp')).toBe('2');
      expect(await status('Seccomp', { host: { SecurityOpt: ['seccomp=unconfined'] } })).toBe('0');
      const { code, stderr } = await run(host, ['unshare', '-U', 'true']);
      expect(stderr).toContain('Operation not permitted');
      expect(code).toBe(1);
      expect(await inside('unshare -U true; echo $?', { host: { SecurityOpt: ['seccomp=unconfined'] } })).toBe('0');
    });

    test('a profile of the user is applied', async () => {
      const profile = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      };
      const host_ = { SecurityOpt: [`seccomp=${JSON.stringify(profile)}`] };
      expect(await inside('mkdir /x 2>&1 || true', { host: host_ })).toContain('No space left on device');
    });

    test('privileged means all capabilities, no filter, no masks', async () => {
      const host_ = { Privileged: true };
      const all = (1n << BigInt(Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')) + 1)) - 1n;
      expect(BigInt(`0x${await status('CapEff', { host: host_ })}`)).toBe(all);
      expect(await status('Seccomp', { host: host_ })).toBe('0');
      expect(
        await inside(
          'mount -t tmpfs x /tmp && grep -c "^x /tmp" /proc/mounts; grep -c /proc/sys /proc/mounts || true',
          { host: host_ },
        ),
      ).toBe('1\n0');
    });

    test('limits are set, and one that may not be raised is an error that names it', async () => {
      expect(
        await inside('ulimit -n; ulimit -Hn', { host: { Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }] } }),
      ).toBe('100\n200');
      const { failed } = await run(host, ['true'], {
        host: { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2_000_000_000 }] },
      });
      expect(failed).toMatch(/setrlimit .*EPERM/);
    });

    test('the umask is 022, and an out-of-memory score can be raised', async () => {
      expect(await inside('umask; cat /proc/self/oom_score_adj', { host: { OomScoreAdj: 500 } })).toBe('0022\n500');
    });
  });

  describe('files', () => {
    test('only the standard streams are open', async () => {
      // The fourth is the directory that ls itself reads.
      expect(await inside('ls /proc/self/fd')).toBe('0\n1\n2\n3');
      expect(await inside('ls -l /proc/1/fd | grep -v pipe: | grep -c -- "->" ')).toBe('1');
    });

    test('nothing of the host is mounted but what belongs there', async () => {
      const points = (await inside('cut -d" " -f5 /proc/self/mountinfo')).split('\n');
      const known = ['/', '/dev', '/dev/pts', '/dev/mqueue', '/dev/shm', '/sys', '/sys/fs/cgroup', '/proc'];
      const nodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`);
      const allowed = new Set([...known, ...nodes, ...MASKED_PATHS, ...READONLY_PATHS]);
      expect(points.filter((point) => !allowed.has(point))).toEqual([]);
      expect(points).toEqual(expect.arrayContaining([...known, ...nodes, '/proc/sys', '/proc/keys', '/sys/firmware']));
    });

    test('masked files are empty, masked directories too, and /proc/sys cannot be written', async () => {
      for (const path of MASKED_PATHS) {
        if (!existsSync(path)) continue;
        const isDirectory = statSync(path).isDirectory();
        expect(await inside(isDirectory ? `ls -A ${path}` : `cat ${path}`)).toBe('');
      }
      expect(await inside('echo x 2>&1 > /proc/sys/kernel/domainname || true')).toContain('Read-only file system');
      expect(await inside('echo 1 2>&1 > /proc/irq/default_smp_affinity || true')).toMatch(
        /Read-only file system|nonexistent/,
      );
      expect(await inside('mkdir /sys/fs/cgroup/x 2>&1 || true')).toContain('Read-only file system');
    });

    test('masks are made of the host’s null device, whatever is mounted on /dev/null (CVE-2025-31133)', async () => {
      const source = join(host.directory, 'not-null');
      writeFileSync(source, 'not null\n');
      const mount = { Type: 'bind', Source: source, Destination: '/dev/null', Mode: '', RW: true, Propagation: '' };
      expect(await inside('cat /dev/null /proc/keys', { mounts: [mount] })).toBe('not null');
    });

    test('device files work, their owner stays the host’s, and the links are there', async () => {
      expect(await inside('head -c 3 /dev/zero | wc -c; echo x > /dev/null; head -c 1 /dev/urandom | wc -c')).toBe(
        '3\n1',
      );
      expect(await inside('echo x > /dev/full 2>&1 || echo full')).toContain('full');
      expect(await inside('cd /dev; for name in fd stdin ptmx; do readlink $name; done')).toBe(
        '/proc/self/fd\n/proc/self/fd/0\npts/ptmx',
      );
      expect(statSync('/dev/null').uid).toBe(0);
      expect(statSync('/dev/null').mode & 0o777).toBe(0o666);
    });

    test('/dev/shm has the size that was asked for', async () => {
      expect(await inside('df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2', { host: { ShmSize: 1 << 20 } })).toBe(
        '1024',
      );
    });

    test('another user can open /dev/stdout again', async () => {
      expect(await inside('echo hi > /dev/stdout', { user: { uid: 1000, gid: 1000 } })).toBe('hi');
    });

    test('a read-only root refuses writes, but /dev/shm and a tmpfs take them', async () => {
      const host_ = { ReadonlyRootfs: true, Tmpfs: { '/tmp': 'size=64k' } };
      expect(await inside('touch /x 2>&1 || true; touch /tmp/x /dev/shm/x && echo ok', { host: host_ })).toBe(
        'touch: /x: Read-only file system\nok',
      );
      expect(await inside('head -c 70000 /dev/zero > /tmp/x 2>/dev/null || echo full', { host: host_ })).toBe('full');
      expect(await inside('grep " /tmp " /proc/mounts', { host: host_ })).toMatch(/nosuid,nodev,noexec.*size=64k/);
    });

    test('the working directory is made, also below a link, and entered', async () => {
      expect(await inside('pwd', { config: { WorkingDir: '/a/b c' } })).toBe('/a/b c');
    });

    test('a working directory that points at a descriptor leads nowhere (CVE-2024-21626)', async () => {
      for (let fd = 0; fd < 24; fd++) {
        const { failed, stdout, code } = await run(host, ['pwd'], { config: { WorkingDir: `/proc/self/fd/${fd}` } });
        if (failed === undefined) expect(`fd ${fd}: exit ${code}, ${stdout}`).toBe('an error');
        else expect(failed).toMatch(/^chdir/);
      }
    });

    test('a link in the image cannot bring a mount onto a descriptor’s directory', async () => {
      const image = join(host.directory, 'image');
      for (let fd = 3; fd < 24; fd++) {
        const link = join(image, `link${fd}`);
        if (!existsSync(link)) symlinkSync(`/proc/self/fd/${fd}`, link);
      }
      const source = join(host.directory, 'source');
      mkdirSync(source, { recursive: true });
      for (let fd = 3; fd < 24; fd++) {
        const mount = {
          Type: 'bind',
          Source: source,
          Destination: `/link${fd}/made`,
          Mode: '',
          RW: true,
          Propagation: '',
        };
        const { failed } = await run(host, ['true'], { mounts: [mount] });
        expect(failed).toMatch(/ELOOP/);
      }
      expect(existsSync('/made')).toBe(false);
    });

    test('nothing may be mounted inside /proc', async () => {
      const mount = { Type: 'bind', Source: '/tmp', Destination: '/proc/sys', Mode: '', RW: true, Propagation: '' };
      await expect(run(host, ['true'], { mounts: [mount] })).rejects.toThrow(
        '"/proc/sys" cannot be mounted because it is inside /proc',
      );
    });
  });

  describe('binds', () => {
    const bind = (source: string, destination: string, more: object = {}) => {
      return { Type: 'bind', Source: source, Destination: destination, Mode: '', RW: true, Propagation: '', ...more };
    };
    const source = () => {
      const directory = join(host.directory, 'bound');
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'file'), 'from the host\n');
      return directory;
    };

    test('a directory and a file appear; mount points are made', async () => {
      const mounts = [bind(source(), '/new/place'), bind(join(source(), 'file'), '/etc/other/file')];
      expect(await inside('cat /new/place/file /etc/other/file', { mounts })).toBe('from the host\nfrom the host');
    });

    test('read-only means read-only', async () => {
      const mounts = [bind(source(), '/data', { RW: false })];
      expect(await inside('touch /data/x 2>&1 || true', { mounts })).toContain('Read-only file system');
    });

    test('what the container writes is on the host, owned by its user there', async () => {
      const directory = source();
      if (host.ids.uid !== undefined) chownSync(directory, host.ids.uid, host.ids.gid!);
      await inside('echo hello > /data/made', { mounts: [bind(directory, '/data')] });
      expect(readFileSync(join(directory, 'made'), 'utf8')).toBe('hello\n');
      expect(statSync(join(directory, 'made')).uid).toBe(host.facts.uidMap[0]!.hostID);
    });

    test('a source that is missing is named', async () => {
      const { failed } = await run(host, ['true'], { mounts: [bind('/no/such/place', '/data')] });
      expect(failed).toMatch(/open_tree.*\/no\/such\/place.*ENOENT/);
    });

    test('forty of them fit', async () => {
      const mounts = Array.from({ length: 40 }, (_, index) => bind(source(), `/m/${index}`));
      expect(await inside('ls -d /m/*/file | wc -l', { mounts })).toBe('40');
    });

    test('a link at the end of the target is followed inside the container', async () => {
      const image = join(host.directory, 'image');
      if (!existsSync(join(image, 'var/run'))) symlinkSync('/run', join(image, 'var/run'));
      mkdirSync(join(image, 'run'), { recursive: true });
      expect(await inside('cat /run/file', { mounts: [bind(source(), '/var/run')] })).toBe('from the host');
    });

    test('a device file is passed on by --device', async () => {
      const Devices = [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/nought', CgroupPermissions: 'rwm' }];
      expect(await inside('head -c 2 /dev/nought | wc -c', { host: { Devices } })).toBe('2');
    });
  });

  describe('the process', () => {
    test('exit codes, signals and streams come back', async () => {
      expect(await run(host, ['sh', '-c', 'echo out; echo err >&2; exit 7'])).toMatchObject({
        stdout: 'out\n',
        stderr: 'err\n',
        code: 7,
      });
      expect(await run(host, ['sh', '-c', 'kill -9 $$; true'])).toMatchObject({ code: 0 });
      expect((await run(host, ['cat'], { stdin: 'in and out' })).stdout).toBe('in and out');
    });

    test('a program is sought in the container’s PATH; a missing one is ENOENT, a directory EACCES', async () => {
      expect((await run(host, ['no-such-program'])).failed).toMatch(/^execve .*ENOENT/);
      expect((await run(host, ['/etc'])).failed).toMatch(/^execve .*EACCES/);
      expect((await run(host, ['true'], { config: { Env: ['PATH=/nowhere'] } })).failed).toMatch(/ENOENT/);
    });

    test('the environment is Docker’s, then its own', async () => {
      const env = (await inside('env | sort', { config: { Env: ['A=1', 'HOME=/elsewhere'], Hostname: 'box' } })).split(
        '\n',
      );
      expect(env).toEqual(expect.arrayContaining(['A=1', 'HOME=/elsewhere', 'HOSTNAME=box']));
      expect(env.find((line) => line.startsWith('PATH='))).toBe(
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      );
    });

    test('a terminal is its controlling terminal and its /dev/console', async () => {
      const wanted = { config: { Tty: true } };
      expect(await inside('tty; echo $TERM; echo x > /dev/tty; ls -l /dev/console | cut -c1', wanted)).toBe(
        '/dev/pts/0\nxterm\nx\nc',
      );
      expect(await inside('echo hi > /dev/console', wanted)).toBe('hi');
      expect(await inside('stat -c %u /dev/pts/0', { ...wanted, user: { uid: 1000, gid: 1000 } })).toBe('1000');
    });

    test('with --init a reaper is process 1, and it cannot be written', async () => {
      const host_ = { Init: true };
      expect(await inside('cat /proc/1/cmdline | tr "\\0" " "', { host: host_ })).toMatch(
        /^\/sbin\/docker-init -- sh -c/,
      );
      expect(await inside('echo x 2>&1 >> /sbin/docker-init || true', { host: host_ })).toMatch(/Read-only|busy/);
    });

    test('sysctls of its own namespaces are set; others are refused by name', async () => {
      expect(
        await inside('cat /proc/sys/net/ipv4/ip_unprivileged_port_start', {
          host: { Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } },
        }),
      ).toBe('80');
      await expect(run(host, ['true'], { host: { Sysctls: { 'kernel.panic': '1' } } })).rejects.toThrow(
        'sysctl "kernel.panic" is not in a separate kernel namespace',
      );
    });

    test('init dies with its shim, and its mounts with it', async () => {
      const { pid, shim, control, ended } = await start(host, ['sleep', '100']);
      const lost = expect(ended).rejects.toThrow('connection ended');
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      process.kill(shim.pid!, 'SIGKILL');
      await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5000 }).toBe(false);
      await lost;
      expect(control.text('stdout')).toBe('');
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(host.directory);
    });
  });

  test('nothing is left of all these containers but their directories', () => {
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const left = processes.filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(host.directory);
      } catch {
        return false; // gone meanwhile
      }
    });
    expect(left).toEqual([]);
  });
});
