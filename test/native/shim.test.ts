import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLONE_NEWPID, MS_BIND, MS_REC } from '../../src/native/constants.ts';
import { FROM_SHIM, TO_SHIM } from '../../src/native/shim-protocol.ts';
import { until } from '../support/until.ts';
import { encodePlan } from '../../src/native/plan.ts';
import {
  attach,
  containerPlan,
  frame,
  makeDirectory,
  missing,
  shimArguments,
  startShim,
  startSpare,
  type ContainerOptions,
} from './container.ts';

const order = (frames: { type: number }[]) => {
  const names = Object.entries(FROM_SHIM);
  return frames.map(({ type }) => names.find(([, number]) => number === type)?.[0] ?? type);
};

const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** True while init, or a child of it, is blocked in a write to a pipe. */
const waitsForPipe = (init: number) => {
  const children = readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return [String(init), ...children].some((pid) => /pipe_write/.test(readFileSync(`/proc/${pid}/wchan`, 'utf8')));
};

describe.skipIf(missing)(`shim${missing ? `: ${missing}` : ''}`, () => {
  let place: ReturnType<typeof makeDirectory>;
  const started: ReturnType<typeof startShim>[] = [];

  beforeEach(() => {
    place = makeDirectory();
  });
  afterEach(async () => {
    for (const shim of started.splice(0)) {
      if (shim.process.exitCode === null && shim.process.signalCode === null) shim.process.kill('SIGKILL');
      await shim.ended;
    }
    place.remove();
  });

  const plan = (argv: string[], more: Partial<ContainerOptions> = {}) =>
    containerPlan({ root: place.root, argv, ids: { uid: 0, gid: 0 }, ...more });

  const start = (planned: Parameters<typeof startShim>[1], ...args: string[]) => {
    const shim = startShim(place.dir, planned, ...args);
    started.push(shim);
    return shim;
  };

  const spare = () => {
    const shim = startSpare(place.dir);
    started.push(shim);
    return shim;
  };

  /** Starts a shell command and subscribes to its output on the control connection, before START. */
  const run = async (command: string, ...args: string[]) => {
    const shim = start(plan(['sh', '-c', command], { tty: args.includes('--tty') }), ...args);
    await shim.control.until('ready');
    shim.control.subscribe();
    await shim.control.until('subscribed');
    shim.control.start();
    return shim;
  };

  const state = (name: string) => readFileSync(join(place.dir, name), 'utf8');

  describe('life', () => {
    test('ready, subscribed, started, output, exit: in this order, and the exit is on disk', async () => {
      const shim = await run('echo hello; echo oops >&2; exit 7');
      expect(await shim.control.exit()).toEqual({ code: 7, signal: 0 });
      expect(shim.control.text('stdout')).toBe('hello\n');
      expect(shim.control.text('stderr')).toBe('oops\n');
      expect(await shim.ended).toBe(0);
      const frames = order(shim.control.frames);
      expect(frames.slice(0, 3)).toEqual(['ready', 'subscribed', 'started']);
      expect(frames.at(-1)).toBe('exit');
      expect(state('exit')).toMatch(
        /^\{"exitCode":7,"signal":0,"finishedAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"\}\n$/,
      );
      expect(existsSync(shim.socket)).toBe(false);
      expect(shim.errors()).toBe('');
    });

    test('the pid file names init and shim with their start times', async () => {
      const shim = start(plan(['sleep', '100']));
      const pid = (await shim.control.until('ready')).payload.readUInt32BE(0);
      const fields = state('pid').trim().split(' ').map(Number);
      const startTime = (of: number) =>
        Number(/\) (.*)/.exec(readFileSync(`/proc/${of}/stat`, 'utf8'))![1]!.split(' ')[19]);
      expect(fields).toEqual([pid, startTime(pid), shim.process.pid, startTime(shim.process.pid!)]);
    });

    test('a command that does not exist fails at execve, after START, and leaves no exit record', async () => {
      const planned = plan(['no-such-command']);
      const shim = start(planned);
      await shim.control.until('ready');
      shim.control.start();
      const { payload } = await shim.control.until('failed');
      expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).toEqual([planned.ops.length - 1, 2]);
      expect(await shim.ended).toBe(1);
      expect(existsSync(join(place.dir, 'exit'))).toBe(false);
      expect(existsSync(shim.socket)).toBe(false);
      expect(state('report').trim().split('\n').at(-1)).toMatch(new RegExp(`^${planned.ops.length - 1} 2 \\d+$`));
    });

    test('an op that fails during set-up is reported instead of READY', async () => {
      const planned = plan(['true'], { extra: [{ who: 'child', op: 'chdir', path: '/no/such' }] });
      const shim = start(planned);
      const { payload } = await shim.control.until('failed');
      expect(planned.ops[payload.readUInt32BE(0)]).toMatchObject({ op: 'chdir', path: '/no/such' });
      expect(payload.readUInt32BE(4)).toBe(2);
      expect(order(shim.control.frames)).toEqual(['failed']);
      expect(await shim.ended).toBe(1);
    });

    test('an init that is killed before START is a failure of the op where it was held', async () => {
      const planned = plan(['true']);
      const shim = start(planned);
      process.kill((await shim.control.until('ready')).payload.readUInt32BE(0), 'SIGKILL');
      const { payload } = await shim.control.until('failed');
      expect(planned.ops[payload.readUInt32BE(0)]).toMatchObject({ op: 'await', who: 'child' });
      expect(await shim.ended).toBe(1);
    });

    test('bytes that are no plan are refused', async () => {
      const shim = start(Buffer.from('not a plan, but long enough to be read as one'));
      expect(await shim.ended).toBe(1);
      expect(shim.errors()).toBe('punnet-shim: not a plan: EINVAL\n');
    });

    test('an unknown option is refused', async () => {
      const shim = start(plan(['true']), '--no-such-option');
      expect(await shim.ended).toBe(2);
      expect(shim.errors()).toContain('--no-such-option');
    });

    test('a spare one becomes the shim of the arguments that it gets, and ps shows them; START may come along', async () => {
      writeFileSync(join(place.dir, 'plan'), encodePlan(plan(['sh', '-c', 'read line; exit 7'])));
      const shim = spare();
      shim.control.become([...shimArguments(place.dir), '--stdin', 'once']);
      shim.control.start();
      await shim.control.until('started');
      const shown = readFileSync(`/proc/${shim.process.pid}/cmdline`, 'utf8');
      expect(shown.split('\0').slice(1, 3)).toEqual(['--dir', place.dir]);
      shim.control.stdin('line\n');
      expect(await shim.control.exit()).toEqual({ code: 7, signal: 0 });
      expect(await shim.ended).toBe(0);
    });

    test('a spare one complains in a file, since its standard error is nobody’s', async () => {
      writeFileSync(join(place.dir, 'plan'), 'not a plan, but long enough to be read as one');
      const shim = spare();
      shim.control.become(shimArguments(place.dir));
      expect(await shim.ended).toBe(1);
      expect(state('shim.err')).toBe('punnet-shim: not a plan: EINVAL\n');
    });

    test('a spare one ends when nobody is there to give it a container', async () => {
      const shim = spare();
      shim.control.socket.end();
      expect(await shim.ended).toBe(0);
    });

    test('a spare one refuses more arguments than it has room for', async () => {
      const shim = spare();
      shim.control.become(['--log', 'x'.repeat(2000)]);
      expect(await shim.ended).toBe(2);
    });

    test('with --explain the report has every op, and times for all', async () => {
      const planned = plan(['true']);
      const shim = start(planned, '--explain');
      await shim.control.until('ready');
      shim.control.start();
      await shim.control.exit();
      const lines = state('report').trim().split('\n');
      expect(lines.map((line) => Number(line.split(' ')[0]))).toEqual(planned.ops.map((_, index) => index));
      expect(lines.every((line) => Number(line.split(' ')[2]) > 0)).toBe(true);
    });

    test('without --explain there is no report of a container that started', async () => {
      const shim = await run('true');
      await shim.control.exit();
      expect(existsSync(join(place.dir, 'report'))).toBe(false);
    });

    test('a process that keeps the pipe open outside the container does not keep the container', async () => {
      const planned = plan(['sh', '-c', 'sleep 1000 & echo $!']);
      // Without a pid namespace of its own, what init leaves behind lives on.
      for (const op of planned.ops) if (op.op === 'clone3') op.flags = (op.flags & ~CLONE_NEWPID) >>> 0;
      planned.ops = planned.ops.filter((op) => !(op.op === 'mount' && op.fstype === 'proc'));
      const shim = start(planned);
      await shim.control.until('ready');
      shim.control.subscribe();
      shim.control.start();
      expect((await shim.control.exit()).code).toBe(0);
      const left = Number(shim.control.text('stdout'));
      expect(alive(left)).toBe(true);
      process.kill(left, 'SIGKILL');
      expect(await shim.ended).toBe(0);
    });
  });

  describe('the daemon goes', () => {
    test('before START: init is killed and the shim ends', async () => {
      const shim = start(plan(['sleep', '1000']));
      const pid = (await shim.control.until('ready')).payload.readUInt32BE(0);
      shim.control.socket.destroy();
      expect(await shim.ended).toBe(0);
      await until('init is gone', () => !alive(pid));
      expect(existsSync(shim.socket)).toBe(false);
    });

    test('after START: the container runs on, and a new daemon learns its state and its end', async () => {
      const shim = await run('read line; echo "got $line"; exit 5', '--stdin', 'open');
      await shim.control.until('started');
      shim.control.socket.destroy();
      const next = attach(shim);
      const pid = (await next.until('ready')).payload.readUInt32BE(0);
      await next.until('started');
      expect(alive(pid)).toBe(true);
      next.subscribe();
      await next.until('subscribed');
      next.stdin('hello\n');
      expect(await next.exit()).toEqual({ code: 5, signal: 0 });
      expect(next.text('stdout')).toBe('got hello\n');
      expect(state('exit')).toContain('"exitCode":5');
    });

    test('SIGTERM, SIGINT and SIGHUP do not end the shim, and its container does not inherit that', async () => {
      const shim = await run(
        'grep -E "Sig(Blk|Ign)" /proc/self/status; read line; exit 3'.replace('grep', 'busybox grep'),
        '--stdin',
        'open',
      );
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) shim.process.kill(signal);
      await shim.control.when(() => shim.control.text('stdout').includes('SigIgn'));
      shim.control.stdin('\n');
      expect(await shim.control.exit()).toEqual({ code: 3, signal: 0 });
      expect(shim.control.text('stdout')).toMatch(/^SigBlk:\s+0+\nSigIgn:\s+0+\n$/);
    });

    test('kill -9 of the shim takes the container with it', async () => {
      const shim = await run('sleep 1000');
      const pid = (await shim.control.until('ready')).payload.readUInt32BE(0);
      await shim.control.until('started');
      shim.process.kill('SIGKILL');
      await until('init is gone', () => !alive(pid));
    });
  });

  describe('signals', () => {
    test('a signal reaches init; a trap decides the exit code', async () => {
      const shim = await run("trap 'echo term; exit 9' TERM; echo up; while :; do sleep 1 & wait $!; done");
      await shim.control.when(() => shim.control.text('stdout').includes('up'));
      shim.control.signal(15);
      expect(await shim.control.exit()).toEqual({ code: 9, signal: 0 });
      expect(shim.control.text('stdout')).toBe('up\nterm\n');
    });

    test('SIGKILL is 137 and signal 9', async () => {
      const shim = await run('echo up; sleep 1000');
      await shim.control.when(() => shim.control.text('stdout').includes('up'));
      shim.control.signal(9);
      expect(await shim.control.exit()).toEqual({ code: 137, signal: 9 });
      expect(state('exit')).toContain('"exitCode":137,"signal":9');
    });
  });

  describe('attached clients', () => {
    test('two clients attached before START both get every byte; one that asked for stdout alone no stderr', async () => {
      const shim = start(
        plan(['sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo e >&2']),
      );
      await shim.control.until('ready');
      const [both, stdout] = [attach(shim), attach(shim)];
      both.subscribe(3);
      stdout.subscribe(1);
      await Promise.all([both.until('subscribed'), stdout.until('subscribed')]);
      shim.control.start();
      await Promise.all([both.exit(), stdout.exit()]);
      const all = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
      expect(both.text('stdout')).toBe(all);
      expect(stdout.text('stdout')).toBe(all);
      expect(both.text('stderr')).toBe('e\n');
      expect(stdout.text('stderr')).toBe('');
      expect(shim.control.text('stdout')).toBe('');
    });

    test('one that does not read stops the container, and reading again or leaving lets it go on', async () => {
      const shim = start(plan(['sh', '-c', 'busybox head -c 3000000 /dev/zero >&2; echo done']));
      await shim.control.until('ready');
      const slow = attach(shim);
      slow.subscribe();
      await slow.until('subscribed');
      slow.socket.pause();
      shim.control.start();
      const pid = (await shim.control.until('ready')).payload.readUInt32BE(0);
      await until('the container waits', () => waitsForPipe(pid));
      slow.socket.resume();
      await slow.exit();
      expect(slow.text('stderr').length).toBe(3_000_000);
      expect(slow.text('stdout')).toBe('done\n');
    });

    test('one that leaves in the middle does not hold up the others', async () => {
      const shim = start(plan(['sh', '-c', 'busybox head -c 3000000 /dev/zero']));
      await shim.control.until('ready');
      const [rude, polite] = [attach(shim), attach(shim)];
      rude.subscribe();
      polite.subscribe();
      await Promise.all([rude.until('subscribed'), polite.until('subscribed')]);
      rude.socket.pause();
      shim.control.start();
      await polite.when(() => polite.text('stdout').length > 0);
      rude.socket.destroy();
      await polite.exit();
      expect(polite.text('stdout').length).toBe(3_000_000);
    });

    test('the end is on disk and told although a client has not read the rest of the output, which it still gets', async () => {
      const shim = start(plan(['sh', '-c', 'busybox head -c 3000000 /dev/zero; exit 4']));
      const pid = (await shim.control.until('ready')).payload.readUInt32BE(0);
      const slow = attach(shim);
      slow.subscribe();
      await slow.until('subscribed');
      slow.socket.pause();
      shim.control.start();
      await until('the container waits', () => waitsForPipe(pid));
      shim.control.signal(9);
      expect(await shim.control.exit()).toEqual({ code: 137, signal: 9 });
      expect(state('exit')).toContain('"exitCode":137');
      slow.socket.resume();
      expect(await slow.exit()).toEqual({ code: 137, signal: 9 });
      expect(slow.text('stdout').length).toBeGreaterThan(65536);
      expect(await shim.ended).toBe(0);
    });

    test.each([
      ['an unknown type', Buffer.from([99, 0, 0, 0, 0, 0, 0, 0])],
      ['a control frame of 4 GB', Buffer.from([TO_SHIM.signal, 0, 0, 0, 255, 255, 255, 255])],
      ['a signal without a number', Buffer.from([TO_SHIM.signal, 0, 0, 0, 0, 0, 0, 0])],
      ['signal 1000', frame(TO_SHIM.signal, Buffer.from([0, 0, 3, 232]))],
      ['signal 0', frame(TO_SHIM.signal, Buffer.from([0, 0, 0, 0]))],
    ])('%s costs the sender its connection and nobody else anything', async (_, bytes) => {
      const shim = start(plan(['sh', '-c', 'read line; exit 6']), '--stdin', 'open');
      await shim.control.until('ready');
      shim.control.start();
      await shim.control.until('started');
      const hostile = attach(shim);
      hostile.socket.write(bytes);
      await until('it is closed', () => hostile.closed);
      shim.control.stdin('\n');
      expect((await shim.control.exit()).code).toBe(6);
    });

    test('a frame that arrives byte by byte is a frame', async () => {
      const shim = start(plan(['sh', '-c', 'busybox tr a b']), '--stdin', 'once');
      await shim.control.until('ready');
      shim.control.subscribe();
      shim.control.start();
      for (const byte of Buffer.concat([frame(TO_SHIM.stdin, Buffer.from('banana\n')), frame(TO_SHIM.closeStdin)])) {
        shim.control.socket.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe('bbnbnb\n');
    });

    test('more connections than there is room for are closed, and the container is unharmed', async () => {
      const shim = start(plan(['sh', '-c', 'read line; exit 6']), '--stdin', 'open');
      await shim.control.until('ready');
      const many = Array.from({ length: 100 }, () => attach(shim));
      await until('some are refused', () => many.filter((one) => one.closed).length >= 37);
      for (const one of many) one.socket.destroy();
      shim.control.start();
      shim.control.stdin('\n');
      expect((await shim.control.exit()).code).toBe(6);
    });

    test('one that asks without end and reads nothing is dropped', async () => {
      const shim = start(plan(['sh', '-c', 'read line; exit 6']), '--stdin', 'open');
      await shim.control.until('ready');
      const socket = connect(shim.socket);
      socket.pause();
      let closed = false;
      socket.on('close', () => (closed = true)).on('error', () => {});
      const question = Buffer.concat(
        Array.from({ length: 4096 }, () => frame(TO_SHIM.subscribe, Buffer.from([0, 0, 0, 3]))),
      );
      const ask = () => void (closed || socket.write(question, () => setImmediate(ask)));
      ask();
      await until('it is dropped', () => closed || socket.destroyed);
      shim.control.start();
      shim.control.stdin('\n');
      expect((await shim.control.exit()).code).toBe(6);
    });
  });

  describe('stdin', () => {
    test('once: ends when the client says so, after all bytes were passed on', async () => {
      const shim = await run('cat | busybox md5sum; exit 2', '--stdin', 'once');
      const megabyte = Buffer.alloc(1 << 20, 'punnet ');
      shim.control.stdin(megabyte);
      shim.control.closeStdin();
      expect((await shim.control.exit()).code).toBe(2);
      const { createHash } = await import('node:crypto');
      expect(shim.control.text('stdout').split(' ')[0]).toBe(createHash('md5').update(megabyte).digest('hex'));
    });

    test('what is sent before START waits in the pipe', async () => {
      const shim = start(plan(['cat']), '--stdin', 'once');
      await shim.control.until('ready');
      shim.control.subscribe();
      shim.control.stdin('early\n');
      shim.control.closeStdin();
      shim.control.start();
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe('early\n');
    });

    test('open: stays open when a client says that its own has ended', async () => {
      const shim = await run(
        'while read line; do echo "$line"; [ "$line" = end ] && exit 8; done; exit 1',
        '--stdin',
        'open',
      );
      shim.control.stdin('one\n');
      shim.control.closeStdin();
      const second = attach(shim);
      second.stdin('end\n');
      expect((await shim.control.exit()).code).toBe(8);
      expect(shim.control.text('stdout')).toBe('one\nend\n');
    });

    test('null: reads as empty', async () => {
      const shim = await run('cat; echo end');
      shim.control.stdin('nobody reads this\n');
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe('end\n');
    });

    test('a container that closes its stdin does not stop the sender', async () => {
      const shim = await run('exec 0<&-; echo closed; sleep 1000', '--stdin', 'open');
      await shim.control.when(() => shim.control.text('stdout').includes('closed'));
      shim.control.stdin(Buffer.alloc(1 << 20, 'x'));
      shim.control.signal(9);
      expect((await shim.control.exit()).code).toBe(137);
    });

    test('a container that does not read holds up its sender alone: signals of another connection arrive', async () => {
      const shim = await run('echo up; sleep 1000', '--stdin', 'open');
      await shim.control.when(() => shim.control.text('stdout').includes('up'));
      const sender = attach(shim);
      await sender.until('started');
      sender.stdin(Buffer.alloc(1 << 20, 'x'));
      shim.control.signal(9);
      expect((await shim.control.exit()).code).toBe(137);
    });
  });

  describe('terminal', () => {
    test('a terminal of the size that was asked for; output and errors are one stream', async () => {
      const shim = await run(
        'stty size; echo err >&2; test -t 0 && test -t 1 && test -t 2 && exit 11',
        '--tty',
        '--stdin',
        'open',
        '--rows',
        '33',
        '--cols',
        '101',
      );
      expect((await shim.control.exit()).code).toBe(11);
      expect(shim.control.text('stdout')).toBe('33 101\r\nerr\r\n');
      expect(shim.control.text('stderr')).toBe('');
    });

    test('a resize reaches the terminal and its foreground program', async () => {
      const shim = await run(
        "trap 'stty size; exit 12' WINCH; echo up; while :; do sleep 1 & wait $!; done",
        '--tty',
        '--stdin',
        'open',
      );
      await shim.control.when(() => shim.control.text('stdout').includes('up'));
      shim.control.resize(50, 132);
      expect((await shim.control.exit()).code).toBe(12);
      expect(shim.control.text('stdout')).toContain('50 132');
    });

    test('typed characters are echoed, and Ctrl-C is a signal to the foreground program', async () => {
      const shim = await run(
        "trap 'exit 13' INT; echo up; while :; do sleep 1 & wait $!; done",
        '--tty',
        '--stdin',
        'open',
      );
      await shim.control.when(() => shim.control.text('stdout').includes('up'));
      shim.control.stdin('abc');
      await shim.control.when(() => shim.control.text('stdout').includes('abc'));
      shim.control.stdin('\x03');
      expect((await shim.control.exit()).code).toBe(13);
    });

    test('everything a program wrote last is read before its exit', async () => {
      const shim = await run('i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done', '--tty');
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe(Array.from({ length: 3000 }, (_, i) => `line ${i}\r\n`).join(''));
    });
  });

  describe('what the container gets', () => {
    test('descriptors 0, 1 and 2 and no other', async () => {
      const shim = await run('ls /proc/self/fd', '--log', join(place.dir, 'log'));
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe('0\n1\n2\n3\n'); // 3 is the directory that ls reads
    });

    test('no look into the shim, even where it shares the pid namespace and the user id', async () => {
      const look =
        'read pid; for f in environ mem fd/0 cwd; do busybox head -c 1 /proc/$pid/$f && echo open $f; done; echo end';
      const planned = plan(['sh', '-c', look]);
      for (const op of planned.ops) {
        if (op.op === 'clone3') op.flags = (op.flags & ~CLONE_NEWPID) >>> 0;
        if (op.op === 'mount' && op.fstype === 'proc') {
          Object.assign(op, { source: '/proc', fstype: null, flags: MS_BIND | MS_REC });
        }
      }
      const shim = start(planned, '--stdin', 'open');
      await shim.control.until('ready');
      shim.control.subscribe();
      shim.control.stdin(`${shim.process.pid}\n`);
      shim.control.start();
      await shim.control.exit();
      expect(shim.control.text('stdout')).toBe('end\n');
      expect(shim.control.text('stderr').match(/Permission denied/g)).toHaveLength(4);
    });

    test('docker-init as pid 1: it reaps orphans, forwards signals and ends as its program ends', async () => {
      const { copyFileSync } = await import('node:fs');
      const { shimPath } = await import('../../src/native/addon.ts');
      copyFileSync(shimPath(), join(place.root, 'bin/docker-init'));
      const script = `
        trap 'echo usr1; zombies=$(busybox grep -l "^State:.Z" /proc/[0-9]*/status | busybox wc -l); exit $zombies' USR1
        (sleep 0.01 &) ; (true &)
        echo pid $$
        while :; do sleep 0.1; done`;
      const planned = plan(['docker-init', '--', 'sh', '-c', script], { env: ['PATH=/bin'] });
      const shim = start(planned);
      await shim.control.until('ready');
      shim.control.subscribe();
      shim.control.start();
      await shim.control.when(() => /pid [2-9]/.test(shim.control.text('stdout')));
      const init = (await shim.control.until('ready')).payload.readUInt32BE(0);
      await until(
        'the orphans are gone',
        () => readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim().split(' ').length === 1,
      );
      shim.control.signal(10);
      expect(await shim.control.exit()).toEqual({ code: 0, signal: 0 });
      expect(shim.control.text('stdout')).toContain('usr1');
    });

    test('docker-init says 127 for a command that does not exist and 128+n for one that a signal ended', async () => {
      const { copyFileSync } = await import('node:fs');
      const { shimPath } = await import('../../src/native/addon.ts');
      copyFileSync(shimPath(), join(place.root, 'bin/docker-init'));
      for (const [argv, code] of [
        [['no-such'], 127],
        [['sh', '-c', 'kill -15 $$'], 143],
        [['/tmp'], 126],
      ] as const) {
        const shim = start(plan(['docker-init', '--', ...argv]));
        await shim.control.until('ready');
        shim.control.subscribe();
        shim.control.start();
        expect((await shim.control.exit()).code).toBe(code);
        if (code === 127)
          expect(shim.control.text('stderr')).toMatch(
            /^\[FATAL tini \(\d+\)\] exec no-such failed: No such file or directory\n$/,
          );
        await shim.ended;
      }
    });
  });

  test('its private memory stays below half a megabyte', async () => {
    mkdirSync(join(place.root, 'big'));
    const shim = await run(
      'i=0; while [ $i -lt 3000 ]; do echo a line of some length $i; i=$((i+1)); done; read line',
      '--stdin',
      'open',
      '--log',
      join(place.dir, 'log'),
    );
    const other = startShim(join(place.root, 'big'), plan(['sleep', '1000'])); // so that the program's pages are shared
    started.push(other);
    await other.control.until('ready');
    await shim.control.when(() => shim.control.text('stdout').includes('2999'));
    const rollup = readFileSync(`/proc/${shim.process.pid}/smaps_rollup`, 'utf8');
    const kilobytes = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
    expect(kilobytes).toBeGreaterThan(0);
    expect(kilobytes).toBeLessThan(512);
    writeFileSync(join(place.dir, 'memory'), rollup);
  });
});
