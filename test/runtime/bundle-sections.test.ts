// Sections of config.json that only other engines write, each by its effect on this kernel, as root and as an unprivileged user.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NamespaceType, Spec } from '../../src/base/oci-runtime.ts';
import { until } from '../support/until.ts';
import { makeBundle, runBundle, unmet, type Bundle, type Wanted, type Who } from './bundle.ts';

const hasTime = existsSync('/proc/self/ns/time');
const WHO: Who[] = ['root', 'user'];

for (const who of WHO) {
  describe.skipIf(unmet(who))(`sections as ${who}`, () => {
    let bundle: Bundle;
    beforeAll(() => {
      bundle = makeBundle(who);
    });
    afterAll(() => bundle.remove());

    const inside = async (script: string, edit: NonNullable<Wanted['edit']>) => {
      const { stdout, stderr, code, error } = await runBundle(bundle, script, { edit });
      expect({ error, stderr, code }).toEqual({ error: undefined, stderr: '', code: 0 });
      return stdout.trimEnd();
    };
    const refused = async (edit: NonNullable<Wanted['edit']>) => (await runBundle(bundle, 'true', { edit })).error;
    const tree = (name: string) => {
      const directory = join(bundle.directory, name);
      mkdirSync(join(directory, 'sub'), { recursive: true });
      writeFileSync(join(directory, 'file'), 'content\n');
      if (!existsSync(join(directory, 'link'))) symlinkSync('file', join(directory, 'link'));
      bundle.own(directory);
      return directory;
    };

    describe('process', () => {
      test('scheduler and io priority are the process’s', async () => {
        const seen = await inside('ionice; cut -d" " -f19,41 /proc/self/stat', (spec) => {
          spec.process!.scheduler = { policy: 'SCHED_BATCH', nice: 7 };
          spec.process!.ioPriority = { class: 'IOPRIO_CLASS_IDLE', priority: 0 };
        });
        expect(seen).toMatch(/^idle[^\n]*\n7 3$/);
      });

      test('the personality of 32 bits is seen in uname', async () => {
        expect(await inside('uname -m', (spec) => void (spec.linux!.personality = { domain: 'LINUX32' }))).toMatch(
          process.arch === 'x64' ? /^i[3-6]86$/ : /./,
        );
      });

      test('capabilities come in the sets that are named, ambient ones where they are inheritable', async () => {
        const seen = await inside('grep ^Cap /proc/self/status', (spec) => {
          const [kill, bind, chown] = ['CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_CHOWN'];
          spec.process!.capabilities = {
            bounding: [kill!, bind!, chown!],
            permitted: [kill!, bind!],
            effective: [kill!],
            inheritable: [kill!, bind!],
            ambient: [bind!],
          };
          if (who === 'root') spec.process!.user = { uid: 7, gid: 7 };
        });
        const all = Object.fromEntries(seen.split('\n').map((line) => line.split(':\t')));
        const mask = (text: string) => BigInt(`0x${text}`).toString(16);
        // Without new privileges uid 0 keeps by execve what was permitted; another user what is ambient.
        const [bnd, amb, inh] = [mask(all.CapBnd!), mask(all.CapAmb!), mask(all.CapInh!)];
        expect({ bnd, amb, inh }).toEqual({ bnd: '421', amb: '400', inh: '420' });
        expect(mask(all.CapEff!)).toBe(who === 'root' ? '400' : '420');
      });

      test('umask, and limits', async () => {
        expect(await inside('umask; ulimit -n', (spec) => void (spec.process!.user.umask = 0o027))).toBe('0027\n1024');
      });

      test('a label of a security module that is not enabled is refused, saying so', async () => {
        if (!existsSync('/sys/module/apparmor/parameters/enabled')) {
          const error = await refused((spec) => (spec.process!.apparmorProfile = 'docker-default'));
          expect(error).toContain('process.apparmorProfile "docker-default" is not supported: AppArmor is not enabled');
        }
        if (!existsSync('/sys/fs/selinux/enforce')) {
          const error = await refused((spec) => (spec.process!.selinuxLabel = 'a:b:c'));
          expect(error).toContain('selinux is disabled or not supported');
        }
      });
    });

    describe('mounts', () => {
      const mount = (spec: Spec, source: string, options: string[]) =>
        void spec.mounts!.push({ destination: '/m', type: 'bind', source, options });

      test('ro makes the top of a tree read-only, rro every mount of it', async () => {
        const options = (option: string) =>
          inside('grep -E " /sys(/| )" /proc/mounts | cut -d" " -f4 | cut -c1-2 | sort -u', (spec) => {
            spec.mounts = spec.mounts!.filter(({ destination }) => !destination.startsWith('/sys'));
            spec.mounts.push({ destination: '/sys', type: 'none', source: '/sys', options: ['rbind', option] });
            spec.linux!.maskedPaths = [];
          });
        expect(await options('ro')).toBe('ro\nrw');
        expect(await options('rro')).toBe('ro');
        const source = tree('tree');
        const touch = 'touch /m/x 2>/dev/null || echo refused';
        expect(await inside(touch, (spec) => mount(spec, source, ['rbind', 'rro']))).toBe('refused');
      });

      test('a file can be bound, and a relative source is the bundle’s', async () => {
        tree('tree');
        const edit = (spec: Spec) =>
          void spec.mounts!.push({ destination: '/etc/f', type: 'bind', source: 'tree/file', options: ['bind', 'ro'] });
        expect(await inside('cat /etc/f', edit)).toBe('content');
      });

      test('nosymfollow keeps links from being followed', async () => {
        const source = tree('tree');
        expect(
          await inside('cat /m/link 2>&1 || true', (spec) => mount(spec, source, ['bind', 'nosymfollow'])),
        ).toMatch(/Too many levels|symbolic links/);
      });

      test('propagation is what the options say', async () => {
        const source = tree('tree');
        const seen = (option: string) =>
          inside('grep " /m " /proc/self/mountinfo', (spec) => mount(spec, source, ['rbind', option]));
        expect(await seen('rprivate')).not.toMatch(/shared|master|unbindable/);
        expect(await seen('rshared')).toMatch(/shared:/);
        expect(await seen('unbindable')).toMatch(/unbindable/);
      });

      test('remount changes the flags of what is mounted', async () => {
        expect(
          await inside('touch /tmp/x 2>&1 || true', (spec) => {
            spec.mounts!.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev'] });
            spec.mounts!.push({
              destination: '/tmp',
              type: 'tmpfs',
              source: 'tmpfs',
              options: ['remount', 'ro', 'nosuid', 'nodev'],
            });
          }),
        ).toContain('Read-only file system');
      });

      test('tmpcopyup fills a tmpfs with what it covers: files, links, modes, times, deeper directories', async () => {
        const place = join(bundle.rootfs, 'filled/deep/er');
        mkdirSync(place, { recursive: true });
        writeFileSync(join(place, 'file'), 'x'.repeat(100_000));
        chmodSync(join(place, 'file'), 0o640);
        if (!existsSync(join(bundle.rootfs, 'filled/link')))
          symlinkSync('/proc/self', join(bundle.rootfs, 'filled/link'));
        bundle.own(join(bundle.rootfs, 'filled'));
        const edit = (spec: Spec) =>
          void spec.mounts!.push({
            destination: '/filled',
            type: 'tmpfs',
            source: 'tmpfs',
            options: ['tmpcopyup', 'mode=755'],
          });
        const script =
          'stat -c "%a %s" /filled/deep/er/file; readlink /filled/link; touch /filled/new; stat -f -c %T /filled';
        expect(await inside(script, edit)).toBe('640 100000\n/proc/self\ntmpfs');
        expect(existsSync(join(bundle.rootfs, 'filled/new'))).toBe(false);
      });

      test('an id-mapped mount shows other owners, or is refused to who may not', async () => {
        const source = tree('mapped');
        if (process.getuid!() === 0) chownSync(join(source, 'file'), 0, 0);
        const edit = (spec: Spec) => {
          const maps = [{ containerID: 0, hostID: 4242, size: 1000 }];
          spec.mounts!.push({
            destination: '/m',
            type: 'bind',
            source,
            options: ['bind'],
            uidMappings: maps,
            gidMappings: maps,
          });
        };
        if (who === 'root') expect(await inside('stat -c %u:%g /m/file', edit)).toBe('4242:4242');
        else expect(await refused(edit)).toMatch(/userns|mount_setattr|EPERM/);
      });

      test('a mount over / or inside /proc is refused', async () => {
        const over = (destination: string) => (spec: Spec) =>
          void spec.mounts!.push({ destination, type: 'tmpfs', source: 'tmpfs' });
        expect(await refused(over('/'))).toContain("destination can't be '/'");
        expect(await refused(over('/proc/sys'))).toContain('cannot be mounted because it is inside /proc');
      });
    });

    describe('namespaces', () => {
      let other: ChildProcess;
      const path = (type: string) => `/proc/${other.pid}/ns/${type}`;
      beforeAll(async () => {
        // A process with namespaces of its own, as a pod's first container has them.
        const own = who === 'user' ? ['--user', '--map-root-user'] : [];
        other = spawn('unshare', [...own, '--net', '--ipc', '--uts', '--pid', '--mount', '--fork', 'sleep', '300'], {
          stdio: 'ignore',
          ...(process.getuid!() === 0 ? bundle.ids : {}),
        });
        await until('the first process of the other namespaces', () => childOf(other.pid!));
      });
      afterAll(() => {
        const child = childOf(other.pid!);
        if (child !== undefined) process.kill(child, 'SIGKILL');
        other.kill('SIGKILL');
      });

      test('those that are given by path are joined, with the user namespace that owns them', async () => {
        const joined: [NamespaceType, string][] = [
          ['network', 'net'],
          ['ipc', 'ipc'],
          ['uts', 'uts'],
        ];
        const edit = (spec: Spec) => {
          const types = ['network', 'ipc', 'uts', ...(who === 'user' ? ['user'] : [])];
          spec.linux!.namespaces = [
            ...spec.linux!.namespaces!.filter(({ type }) => !types.includes(type)),
            ...joined.map(([type, file]) => ({ type, path: path(file) })),
            ...(who === 'user' ? [{ type: 'user' as const, path: path('user') }] : []),
          ];
          delete spec.linux!.uidMappings;
          delete spec.linux!.gidMappings;
          delete spec.hostname;
        };
        const script = 'for n in net ipc uts user; do readlink /proc/self/ns/$n; done; echo $$';
        const seen = (await inside(script, edit)).split('\n');
        const expected = ['net', 'ipc', 'uts', 'user'].map((type) => readlinkSync(path(type)));
        expect(seen).toEqual([...expected, '1']);
      });

      test('a pid namespace that is joined has the container as one process of several', async () => {
        const first = childOf(other.pid!)!;
        const edit = (spec: Spec) => {
          spec.linux!.namespaces = [
            ...spec.linux!.namespaces!.filter(({ type }) => type !== 'pid' && type !== 'user'),
            { type: 'pid', path: `/proc/${first}/ns/pid` },
            ...(who === 'user' ? [{ type: 'user' as const, path: path('user') }] : []),
          ];
          delete spec.linux!.uidMappings;
          delete spec.linux!.gidMappings;
        };
        const seen = await inside(
          'readlink /proc/self/ns/pid; tr "\\0" " " < /proc/1/cmdline; echo; test $$ != 1 && echo other',
          edit,
        );
        expect(seen.split('\n')).toEqual([readlinkSync(`/proc/${first}/ns/pid`), 'sleep 300 ', 'other']);
      });

      test('namespaces that are not named are the host’s', async () => {
        const edit = (spec: Spec) => {
          spec.linux!.namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== 'uts' && type !== 'ipc');
          spec.mounts = spec.mounts!.filter(({ destination }) => destination !== '/dev/mqueue');
          delete spec.hostname;
        };
        expect(await inside('readlink /proc/self/ns/uts; readlink /proc/self/ns/ipc', edit)).toBe(
          `${readlinkSync('/proc/self/ns/uts')}\n${readlinkSync('/proc/self/ns/ipc')}`,
        );
      });

      test.skipIf(!hasTime)('time offsets move the clocks of a new time namespace', async () => {
        const days = 10;
        const edit = (spec: Spec) => {
          spec.linux!.namespaces!.push({ type: 'time' });
          spec.linux!.timeOffsets = { boottime: { secs: days * 86_400 }, monotonic: { secs: 60 } };
        };
        const uptime = Number((await inside('cut -d" " -f1 /proc/uptime', edit)).trim());
        const here = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
        expect(uptime - here).toBeGreaterThan(days * 86_400 - 100);
        expect(uptime - here).toBeLessThan(days * 86_400 + 100);
      });
    });

    test('an agent gets the means to answer a filter’s questions, and the state of the container', async () => {
      const socket = join(bundle.directory, 'agent.sock');
      const got: Buffer[] = [];
      const server: Server = createServer((client) => client.on('data', (data) => got.push(data)));
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      bundle.own(socket);
      try {
        // Nobody answers, so the call that is asked about is one that nothing here makes.
        const edit = (spec: Spec) => {
          spec.linux!.seccomp = {
            defaultAction: 'SCMP_ACT_ALLOW',
            listenerPath: socket,
            listenerMetadata: 'meta "data"',
            syscalls: [{ names: ['acct'], action: 'SCMP_ACT_NOTIFY' }],
          };
        };
        expect(await inside('grep ^Seccomp: /proc/self/status', edit)).toBe('Seccomp:\t2');
        await expect.poll(() => Buffer.concat(got).length, { timeout: 5000 }).toBeGreaterThan(0);
        const state = JSON.parse(Buffer.concat(got).toString()) as Record<string, unknown>;
        expect(state).toMatchObject({
          ociVersion: '1.2.0',
          fds: ['seccompFd'],
          metadata: 'meta "data"',
          pid: expect.any(Number) as number,
          state: { id: 'test', status: 'creating', bundle: bundle.directory, pid: state.pid },
        });
      } finally {
        server.close();
      }
    });
  });
}

describe.skipIf(unmet('root'))('network devices', () => {
  let bundle: Bundle;
  beforeAll(() => {
    bundle = makeBundle('root');
  });
  afterAll(() => bundle.remove());

  test('one of a network namespace goes into the container’s, renamed, with its address, up', async () => {
    const edit = (spec: Spec) => void (spec.linux!.netDevices = { pt0: { name: 'eth7' } });
    const prepare =
      'ip link add pt0 type veth peer name pt1; ip addr add 10.9.8.7/24 dev pt0; ip link set pt0 up; ip link set pt1 up';
    const { stdout, error } = await runBundle(bundle, 'ip addr show eth7', {
      edit,
      around: ['unshare', '--net', 'sh', '-c', `${prepare}; exec "$@"`, 'sh'],
    });
    expect(error).toBe(undefined);
    expect(stdout).toMatch(/eth7@?.*UP/);
    expect(stdout).toContain('inet 10.9.8.7/24');
  });
});

/** The first child of a process, or undefined. */
function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    const there = child && execFileSync('cat', [`/proc/${child}/comm`], { encoding: 'utf8' }) === 'sleep\n';
    return there ? Number(child) : undefined;
  } catch {
    return undefined; // not there yet, or gone
  }
}
