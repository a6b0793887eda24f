import { describe, expect, it } from 'vitest';
import { containerConfig } from '../../src/cli/container-config.ts';
import { detachWatcher, readDetachKeys } from '../../src/cli/stream/detach-keys.ts';
import { parseFlags } from '../../src/cli/parse-flags.ts';
import { nearest } from '../../src/cli/suggest.ts';
import { runFlags } from '../../src/cli/verb/run.flags.ts';
import { timestamp } from '../../src/cli/verb/logs.ts';
import { flagUsages } from '../../src/cli/help.ts';
import { flags as createFlags } from '../../src/cli/verb/create.ts';
import { need } from '../support/need.ts';
import { run } from '../support/process.ts';

const parse = (line: string) => parseFlags(line.split(' '), { flags: runFlags, interspersed: false });
const body = (line: string) => {
  const { flags, positional } = parse(line);
  return containerConfig(flags, positional);
};

describe('flags', () => {
  it('short flags combine and the last one may carry a value', () => {
    const { flags, positional } = parse('-dit -m64m -c=512 --name=web --rm=false busybox sh -c -x');
    expect(positional).toEqual(['busybox', 'sh', '-c', '-x']);
    expect([flags.on('detach'), flags.on('tty'), flags.on('interactive'), flags.on('rm', true)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect([flags.number('memory'), flags.number('cpu-shares'), flags.text('name')]).toEqual([67108864, 512, 'web']);
  });

  it('what follows the image is left alone, and -- ends the flags before it', () => {
    expect(parse('busybox --rm -it').positional).toEqual(['busybox', '--rm', '-it']);
    expect(parse('--rm -- -x y').positional).toEqual(['-x', 'y']);
  });

  it('where arguments may mix with flags they are told apart', () => {
    const parsed = parseFlags(['a', '-t', '3', 'b'], {
      flags: [{ name: 'time', short: 't', type: 'int', help: '' }],
      interspersed: true,
    });
    expect([parsed.positional, parsed.flags.number('time')]).toEqual([['a', 'b'], 3]);
  });

  it.each([
    ['--foo busybox', 'unknown flag: --foo'],
    ['-itZ busybox', "unknown shorthand flag: 'Z' in -Z"],
    ['--name', 'flag needs an argument: --name'],
    ['-m', "flag needs an argument: 'm' in -m"],
    ['--memory abc x', 'invalid argument "abc" for "-m, --memory" flag: invalid size: \'abc\''],
    [
      '--init=maybe x',
      'invalid argument "maybe" for "--init" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      '--oom-score-adj x y',
      'invalid argument "x" for "--oom-score-adj" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    ['--blkio-weight 70000 y', 'strconv.ParseUint: parsing "70000": value out of range'],
    ['--cpus x y', 'failed to parse x as a rational number'],
    ['--cpus 1/3 y', 'value is too precise'],
    ['--health-interval 5 y', 'time: missing unit in duration "5"'],
    ['--sysctl a=b y', "sysctl 'a=b' is not allowed"],
    ['--ulimit nofile=5:1 y', 'ulimit soft limit must be less than or equal to hard limit: 5 > 1'],
    ['--mount type=bind,source=/x y', 'target is required'],
    ['--mount type=bind,target=/x,tmpfs-size=1 y', "cannot mix 'tmpfs-*' options with mount type 'bind'"],
    ['--add-host foo:bar y', 'invalid IP address in add-host: "bar"'],
    ['--device-read-bps x:1 y', 'bad format for device path: x:1'],
    ['--network a=b y', 'invalid field key a'],
  ])('%s is refused as docker refuses it', (line, message) => expect(() => parse(line)).toThrow(message));

  it.each([
    ['--restart always --rm x', 'conflicting options: cannot specify both --restart and --rm'],
    ['--restart on-failure:x y', 'invalid restart policy format: maximum retry count must be an integer'],
    ['--pid foo x', '--pid: invalid PID mode'],
    ['--cgroupns foo x', '--cgroupns: invalid CGROUP mode'],
    ['-p 80-82:90-91 x', 'invalid ranges specified for container and host Ports: 90-91 and 80-82'],
    ['--expose 1:2 x', 'invalid port format for --expose: 1:2'],
    ['--device foo x', 'foo is not an absolute path'],
    ['--security-opt foo x', 'Invalid --security-opt: "foo"'],
    ['--no-healthcheck --health-cmd x y', '--no-healthcheck conflicts with --health-* options'],
    ['--memory-swappiness 200 x', 'invalid value: 200. Valid memory swappiness range is 0-100'],
    ['--network n --network n x', 'network "n" is specified multiple times'],
    ['--network none --network n x', 'cannot attach both user-defined and non-user-defined network-modes'],
    ['--env-file /nope x', 'open /nope: no such file or directory'],
  ])('%s makes no container', (line, message) => expect(() => body(line)).toThrow(message));
});

describe('terminals', () => {
  it('detach keys are read by name', () => {
    expect([...readDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
    expect([...readDetachKeys('ctrl-[,a,DEL,ctrl-@')]).toEqual([27, 97, 127, 0]);
    expect(() => readDetachKeys('ctrl-1')).toThrow("Unknown character: 'ctrl-1'");
  });

  it('the keys are held back until they are complete, and given on when they are not', () => {
    const watch = detachWatcher(Buffer.from('pq'));
    expect(watch(Buffer.from('ab'))).toEqual({ pass: Buffer.from('ab'), detached: false });
    expect(watch(Buffer.from('xp'))).toEqual({ pass: Buffer.from('x'), detached: false });
    expect(watch(Buffer.from('z'))).toEqual({ pass: Buffer.from('pz'), detached: false });
    expect(watch(Buffer.from('yp'))).toEqual({ pass: Buffer.from('y'), detached: false });
    expect(watch(Buffer.from('q!'))).toEqual({ pass: Buffer.alloc(0), detached: true });
  });
});

describe('times', () => {
  it('--since takes spans, times and seconds', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(timestamp('since', '10m', now)).toBe(String(now / 1000 - 600));
    expect(timestamp('since', '2026-01-01T00:00:00.5Z')).toBe(`${now / 1000}.500000000`);
    expect(timestamp('since', '1700000000.25')).toBe('1700000000.25');
    expect(() => timestamp('since', 'yesterday')).toThrow(
      'invalid value for "since": failed to parse value as time or duration: "yesterday"',
    );
  });
});

describe('help', () => {
  it('flags are sorted, aligned and wrapped', () => {
    expect(
      flagUsages(
        [
          { name: 'quiet', short: 'q', type: 'bool', help: 'Only display container IDs' },
          {
            name: 'last',
            short: 'n',
            type: 'int',
            help: 'Show n last created containers (includes all states)',
            initial: '-1',
          },
          { name: 'hidden', type: 'bool', help: '', hidden: true },
        ],
        60,
      ),
    ).toBe(
      [
        '  -n, --last int   Show n last created containers',
        '                   (includes all states) (default -1)',
        '  -q, --quiet      Only display container IDs',
      ].join('\n'),
    );
  });

  it('a mistyped verb finds its neighbour', () => {
    expect(nearest('rnu', ['run', 'rm', 'rmi'])).toBe('run');
    expect(nearest('insp', ['inspect', 'info'])).toBe('inspect');
    expect(nearest('frobnicate', ['run'])).toBeUndefined();
  });
});

const withoutDocker = need('docker-cli');

describe.skipIf(withoutDocker)(`docker's own flags${withoutDocker ? ` (skipped: ${withoutDocker})` : ''}`, () => {
  it.each([
    ['run', runFlags],
    ['create', createFlags],
  ])('every flag that docker %s has is one here, with the same short form', async (verb, flags) => {
    const { stdout } = await run('docker', [verb, '--help']);
    const theirs = [...stdout.matchAll(/^ +(?:-(\w), | {4})--([a-z0-9-]+)/gm)].map(([, short, name]) => ({
      short,
      name,
    }));
    expect(theirs.length).toBeGreaterThan(90);
    const ours = new Map(flags.map(({ name, short }) => [name, short]));
    expect(theirs.filter(({ name, short }) => !ours.has(name!) || ours.get(name!) !== short)).toEqual([]);
  });

  it.each([
    ['--cpu-count 1 x', 'containers of Windows'],
    ['--gpus all x', 'could not select device driver "" with capabilities: [[gpu]]'],
    ['--kernel-memory 1m x', 'use --memory'],
    ['--use-api-socket x', 'mount the socket with --volume'],
  ])('%s is refused with the reason', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });
});
