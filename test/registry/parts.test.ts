import { describe, expect, test } from 'vitest';
import { parsePlatform, formatPlatform, platformMatches } from '../../src/registry/platform.ts';
import { bar, humanSize, LayerProgress, type PullLine } from '../../src/registry/progress.ts';
import { SharedWork } from '../../src/registry/shared-work.ts';
import { Slots } from '../../src/registry/slots.ts';

const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

describe('platforms', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['Linux/AMD64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
  ])('%s is %s', (text, name) => {
    expect(formatPlatform(parsePlatform(text))).toBe(name);
  });

  test.each([
    ['a/b/c/d', '"a/b/c/d": cannot parse platform specifier: invalid argument'],
    ['linux/am d64', '"am d64" is an invalid component of "linux/am d64"'],
    ['linux/', '"" is an invalid component of "linux/"'],
    ['nonsense', '"nonsense": unknown operating system or architecture: invalid argument'],
  ])('%j is refused', (text, message) => {
    expect(() => parsePlatform(text)).toThrow(message);
  });

  test('arm64 also runs arm, amd64 also runs 386, and neither runs the other', () => {
    const on = (wanted: string, actual: string) => platformMatches(parsePlatform(actual), parsePlatform(wanted));
    expect(on('linux/arm64', 'linux/arm/v7')).toBe(true);
    expect(on('linux/amd64', 'linux/386')).toBe(true);
    expect(on('linux/arm/v6', 'linux/arm/v7')).toBe(false);
    expect(on('linux/amd64', 'linux/arm64')).toBe(false);
    expect(on('linux/amd64', 'windows/amd64')).toBe(false);
  });
});

describe('progress', () => {
  // The bars are what dockerd 20.10 sends for the same numbers.
  test.each([
    [36_445, 2_226_327, `[>${' '.repeat(50)}]  36.45kB/2.226MB`],
    [557_056, 2_226_327, `[============>${' '.repeat(38)}]  557.1kB/2.226MB`],
    [1_703_936, 2_226_327, `[${'='.repeat(38)}>            ]  1.704MB/2.226MB`],
    [2_226_327, 2_226_327, `[${'='.repeat(50)}>]  2.226MB/2.226MB`],
    [5, 3, `[${'='.repeat(50)}>]       5B`],
    [500, 0, '    500B'],
    [0, 0, ''],
  ])('%d of %d is drawn as Docker draws it', (current, total, text) => {
    expect(bar(current, total)).toBe(text);
  });

  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1_234_567, '1.235MB'],
    [10_000_000_000, '10GB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });

  test('a thousand chunks are few lines, and the last one is always told', () => {
    const lines: PullLine[] = [];
    const layer = new LayerProgress('abc', (line) => lines.push(line));
    for (let i = 1; i <= 1000; i++) layer.bytes('Downloading', i, 1000);
    expect(lines.length).toBeLessThan(500);
    expect(lines.at(-1)!.progressDetail).toEqual({ current: 1000, total: 1000 });
  });
});

describe('slots', () => {
  test('run so many at a time, in order of asking', async () => {
    const slots = new Slots(2);
    const gates = [gate(), gate(), gate(), gate()];
    const started: number[] = [];
    const work = gates.map(({ opened }, i) =>
      slots.run(undefined, () => {
        started.push(i);
        return opened;
      }),
    );
    await Promise.resolve();
    expect(started).toEqual([0, 1]);
    expect(slots.full).toBe(true);
    gates[1]!.open();
    await work[1];
    gates[0]!.open();
    await work[0];
    gates[2]!.open();
    gates[3]!.open();
    await Promise.all(work);
    expect(started).toEqual([0, 1, 2, 3]);
    expect(slots.full).toBe(false);
  });

  test('one that gives up while waiting does not cost a slot', async () => {
    const slots = new Slots(1);
    const first = gate();
    const running = slots.run(undefined, () => first.opened);
    const abort = new AbortController();
    const waiting = slots.run(abort.signal, () => Promise.resolve());
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    first.open();
    await running;
    expect(await slots.run(undefined, () => Promise.resolve('ran'))).toBe('ran');
  });
});

describe('shared work', () => {
  const watch = (signal = new AbortController().signal) => {
    const reports: string[] = [];
    return { signal, reports, report: (text: string) => reports.push(text) };
  };

  test('is done once, told to all, and a latecomer hears the last report', async () => {
    const shared = new SharedWork<string, string>();
    const { open, opened } = gate();
    let runs = 0;
    const work = async (_: AbortSignal, report: (text: string) => void) => {
      runs++;
      report('half');
      await opened;
      report('whole');
      return 'done';
    };
    const [a, b] = [watch(), watch()];
    const first = shared.run('k', work, a);
    const second = shared.run('k', work, b);
    open();
    expect(await Promise.all([first, second])).toEqual(['done', 'done']);
    expect(runs).toBe(1);
    expect([a.reports, b.reports]).toEqual([
      ['half', 'whole'],
      ['half', 'whole'],
    ]);
  });

  test('goes on while anyone waits, and is aborted when the last one leaves', async () => {
    const shared = new SharedWork<string, string>();
    let signal: AbortSignal | undefined;
    const work = (given: AbortSignal) => {
      signal = given;
      return new Promise<string>((_, reject) => given.addEventListener('abort', () => reject(new Error('stopped'))));
    };
    const [one, two] = [new AbortController(), new AbortController()];
    const first = shared.run('k', work, watch(one.signal));
    const second = shared.run('k', work, watch(two.signal));
    one.abort(new Error('one left'));
    await expect(first).rejects.toThrow('one left');
    expect(signal!.aborted).toBe(false);
    two.abort(new Error('two left'));
    await expect(second).rejects.toThrow('two left');
    expect(signal!.aborted).toBe(true);
    expect(await shared.run('k', () => Promise.resolve('anew'), watch())).toBe('anew');
  });

  test('its failure is the failure of all who wait', async () => {
    const shared = new SharedWork<string, string>();
    const { open, opened } = gate();
    const work = () => opened.then(() => Promise.reject(new Error('broken')));
    const both = [shared.run('k', work, watch()), shared.run('k', work, watch())];
    open();
    for (const one of both) await expect(one).rejects.toThrow('broken');
  });
});
