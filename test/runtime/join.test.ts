import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Spec, SpecProcess } from '../../src/base/oci-runtime.ts';
import { walk } from '../../src/native/walk.ts';
import { compileJoin, type JoinOptions } from '../../src/runtime/compile-join.ts';
import { claims } from '../support/claims.ts';
import { need } from '../support/need.ts';
import { joinContainer, makeHost, start, unmet, type Host, type Joining, type Running } from './container.ts';
import { planLines } from './plan-lines.ts';

const CASES = new URL('../cases/join', import.meta.url).pathname;

describe('each process that joins a container becomes its plan', () => {
  test.each(readdirSync(CASES))('%s', async (name) => {
    const text = readFileSync(join(CASES, name, 'join.json'), 'utf8');
    const { spec, process, options } = JSON.parse(text) as { spec: Spec; process: SpecProcess; options: JoinOptions };
    const plan = compileJoin(spec, process, { ...options, seccomp: new Uint8Array(16) });
    await expect(planLines(plan)).toMatchFileSnapshot(join(CASES, name, 'plan.jsonl'));
  });

  test('a pid that is none is refused before anything runs', () => {
    const spec: Spec = { ociVersion: '1.2.0' };
    const process: SpecProcess = { user: { uid: 0, gid: 0 }, args: ['true'], cwd: '/' };
    for (const pid of [0, -1, 1.5, NaN])
      expect(() => compileJoin(spec, process, { pid })).toThrow('no process to join');
  });
});

claims('a process that joins a container, on a real kernel', unmet, () => {
  let host: Host;
  let container: Running;
  beforeAll(async () => {
    host = makeHost();
    container = await start(host, ['sleep', '1000']);
  });
  afterAll(async () => {
    container?.control.signal(9);
    await container?.ended;
    host?.remove();
  });

  const run = async (argv: string[], joining: Joining = {}, into: Running = container) =>
    (await joinContainer(host, into, argv, joining)).ended;
  const sh = async (script: string, joining: Joining = {}, into: Running = container) => {
    const { stdout, stderr, code, failed } = await run(['sh', '-c', script], joining, into);
    if (failed !== undefined || code !== 0) throw new Error(failed ?? `exit ${code}: ${stderr}${stdout}`);
    return stdout.replaceAll('\r\n', '\n').trimEnd();
  };
  const links = 'for name in user mnt pid net ipc uts cgroup time; do readlink ns/$name; done';

  test('is in every namespace of its first process', async () => {
    const [own, first] = (await sh(`cd /proc/self; ${links}; echo --; cd /proc/1; ${links}`)).split('\n--\n');
    expect(own!.split('\n')).toHaveLength(8);
    expect(own).toBe(first);
  });

  test('with namespaces that the container shares with the host, is in those', async () => {
    const shared = { PidMode: 'host', IpcMode: 'host', UTSMode: 'host', NetworkMode: 'host', CgroupnsMode: 'host' };
    const other = await start(host, ['sleep', '1000'], { host: shared });
    const own = await sh(`cd /proc/self; ${links}`, {}, other);
    expect(own).toBe(await sh(`cd /proc/${other.pid}; ${links}`, {}, other));
    other.control.signal(9);
    await other.ended;
  });

  test('sees the container’s processes, and is one of them', async () => {
    expect(await sh('cat /proc/1/cmdline | tr "\\0" " "; test $$ -gt 1 && hostname')).toBe('sleep 1000 box');
  });

  test('has the container’s rights: capabilities, filter, no-new-privileges, limits', async () => {
    const fields = 'sed -n "s/^\\(CapEff\\|CapBnd\\|CapInh\\|NoNewPrivs\\|Seccomp\\):\\s*//p"';
    const both = (into: Running, joining: Joining = {}) => sh(`${fields} /proc/self/status; ulimit -n`, joining, into);
    expect(await both(container)).toMatch(/^0{16}\n00000000a80425fb\n00000000a80425fb\n0\n2\n/);
    const strict = await start(host, ['sleep', '1000'], {
      host: {
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Ulimits: [{ Name: 'nofile', Soft: 99, Hard: 99 }],
      },
    });
    expect(await both(strict)).toBe('0000000000000000\n0000000000000000\n0000000000000000\n1\n2\n99');
    strict.control.signal(9);
    await strict.ended;
  });

  test('is the user that it is told to be, who may open its standard streams again', async () => {
    const user = { uid: 1000, gid: 1001, additionalGids: [5, 1001] };
    expect(await sh('id; echo again >/dev/stdout', { process: { user } })).toBe(
      'uid=1000(app) gid=1001 groups=5,1001\nagain',
    );
  });

  test('gives back exit code, signal and both streams, and reads its input', async () => {
    expect(await run(['sh', '-c', 'echo out; echo err >&2; exit 7'])).toMatchObject({
      ...{ stdout: 'out\n', stderr: 'err\n', code: 7 },
    });
    expect(await run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ code: 137, signal: 9 });
    expect((await run(['cat'], { stdin: 'in and out' })).stdout).toBe('in and out');
  });

  test('can have a terminal of the container’s own', async () => {
    expect(await sh('tty; echo x >/dev/tty', { process: { terminal: true } })).toMatch(/^\/dev\/pts\/\d+\nx$/);
  });

  test('a missing program is ENOENT, a missing working directory an error of chdir: nothing is made', async () => {
    expect((await run(['no-such-program'])).failed).toMatch(/^execve no-such-program: ENOENT/);
    expect((await run(['true'], { process: { cwd: '/no/such' } })).failed).toMatch(/^chdir \/no\/such: ENOENT/);
    expect(await sh('pwd', { process: { cwd: '/tmp' } })).toBe('/tmp');
  });

  test('has no descriptor but its streams, held or running', async () => {
    // As root, who alone may look: a descriptor of anything else would be a way out.
    const held = async (pid: number) => {
      if (process.getuid!() !== 0) return;
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(files.filter((file) => !/^(pipe|socket):|^\/dev\/null$/.test(file))).toEqual([]);
    };
    expect(await sh('ls /proc/self/fd', { held })).toBe('0\n1\n2\n3');
  });

  test('a working directory that points at a descriptor leads nowhere (CVE-2024-21626)', async () => {
    for (let fd = 0; fd < 12; fd++) {
      const { failed, stdout } = await run(['pwd'], { process: { cwd: `/proc/self/fd/${fd}` } });
      if (failed === undefined) expect(`fd ${fd}: ${stdout}`).toBe('an error');
      else expect(failed).toMatch(/^chdir/);
    }
  });

  test('cannot be looked at by the container’s root before its execve (CVE-2016-9962), but after', async () => {
    const look = 'for pid in /proc/[0-9]*; do test $pid = /proc/$$ || echo $(readlink $pid/exe) $(ls $pid/fd); done';
    const seen: string[] = [];
    const running = await joinContainer(host, container, ['sleep', '999'], {
      held: async () => void seen.push(await sh(`${look} 2>/dev/null`)),
    });
    seen.push(await sh(`${look} 2>/dev/null`));
    running.control.signal(9);
    await running.ended;
    const programs = seen.map((text) => text.split('\n').filter((line) => line.includes('busybox')).length);
    expect(seen[0]).not.toContain('punnet-shim');
    expect(programs).toEqual([1, 2]);
  });

  test('when its container ends, it ends', async () => {
    const other = await start(host, ['sleep', '1000']);
    const joined = await joinContainer(host, other, ['sleep', '1000']);
    other.control.signal(9);
    expect(await joined.ended).toMatchObject({ code: 137, signal: 9 });
    await other.ended;
  });

  test('a container that is gone cannot be joined', async () => {
    const other = await start(host, ['sleep', '1000']);
    other.control.signal(9);
    await other.ended;
    await expect.poll(() => existsSync(`/proc/${other.pid}`)).toBe(false);
    expect((await run(['true'], {}, { ...container, pid: other.pid })).failed).toMatch(/^pidfd_open \d+: ESRCH/);
  });

  test('walked by the addon, it leaves Node able to start threads', async ({ skip }) => {
    const missing = need('root');
    if (missing) skip(missing);
    const plan = compileJoin(
      container.spec,
      {
        ...container.spec.process!,
        args: ['sh', '-c', 'test $(readlink /proc/self/ns/pid) = $(readlink /proc/1/ns/pid)'],
      },
      { pid: container.pid, seccomp: new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]) },
    );
    const nothing = openSync('/dev/null', 'r+');
    const child = walk(plan, { slots: { 0: nothing, 1: nothing, 2: nothing } });
    child.release();
    closeSync(nothing);
    const worker = new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true });
    expect(await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))).toBe(1);
    expect(await child.wait()).toEqual({ exitCode: 0, signal: 0 });
  });
});
