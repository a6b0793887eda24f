// Frames between daemon and shim, detach keys, and the log file: bytes in any pieces give the same result.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DetachWatch } from '../../src/engine/container/detach.ts';
import { LogFile, openLog } from '../../src/engine/container/log-file.ts';
import { encodeFrame, FrameDecoder } from '../../src/engine/container/shim-frames.ts';

function decode(bytes: Buffer, pieces: number, framed: boolean): { output: string; controls: string[] } {
  let output = '';
  const controls: string[] = [];
  const decoder = new FrameDecoder(
    {
      output: (chunk) => (output += chunk.toString('latin1')),
      control: (type, payload) => controls.push(`${type}:${payload.toString('hex')}`),
    },
    framed,
  );
  for (let at = 0; at < bytes.length; at += pieces) decoder.push(bytes.subarray(at, at + pieces));
  return { output, controls };
}

describe('frames of the shim', () => {
  const output = [Buffer.from('out'), Buffer.from(''), Buffer.from('error text')];
  const stream = Buffer.concat([
    encodeFrame(16, [4242]),
    encodeFrame(1, output[0]!),
    encodeFrame(2, output[1]!),
    encodeFrame(17),
    encodeFrame(2, output[2]!),
    encodeFrame(18, [137, 9]),
  ]);

  test.each([1, 2, 3, 7, 8, 9, 1000])('in pieces of %i bytes, frames and bare bytes come out whole', (pieces) => {
    const controls = ['16:00001092', '17:', '18:0000008900000009'];
    const frames = output.map((bytes, index) => encodeFrame(index === 0 ? 1 : 2, bytes));
    expect(decode(stream, pieces, true)).toEqual({ output: Buffer.concat(frames).toString('latin1'), controls });
    expect(decode(stream, pieces, false)).toEqual({ output: 'outerror text', controls });
  });

  test('a control frame of absurd length is an error, not a buffer', () => {
    const hostile = Buffer.from([16, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    expect(() => decode(hostile, 8, true)).toThrow(/4294967295 bytes/);
  });
});

describe('detach keys', () => {
  const typed = (keys: string, ...chunks: string[]) => {
    const watch = new DetachWatch(keys);
    let passed = '';
    for (const chunk of chunks) {
      const { pass, detached } = watch.push(Buffer.from(chunk, 'latin1'));
      passed += pass.toString('latin1');
      if (detached) return `${passed}|`;
    }
    return passed;
  };

  test.each([
    ['the sequence in one piece', ['ab\x10\x11cd'], 'ab|'],
    ['the sequence in two pieces', ['ab\x10', '\x11cd'], 'ab|'],
    ['a beginning that leads elsewhere', ['\x10', 'x'], '\x10x'],
    ['a beginning that begins again', ['\x10\x10\x11'], '\x10|'],
    ['nothing of it', ['plain'], 'plain'],
  ])('%s', (_title, chunks, expected) => {
    expect(typed('\x10\x11', ...chunks)).toBe(expected);
  });

  test('no keys: nothing detaches', () => {
    expect(typed('', '\x10\x11')).toBe('\x10\x11');
  });
});

describe('the log file', () => {
  const inLog = (text: string, use: (file: LogFile) => void) => {
    const directory = mkdtempSync(join(tmpdir(), 'punnet-log-'));
    try {
      writeFileSync(join(directory, 'log'), text);
      const file = LogFile.open(join(directory, 'log'))!;
      use(file);
      file.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const rest = (file: LogFile) => {
    const lines: string[] = [];
    for (let next = file.next(); next !== undefined; next = file.next())
      lines.push(...next.toString().split('\n').slice(0, -1));
    return lines;
  };

  test.each<[number, string[], number]>([
    [0, [], 0],
    [1, ['c'], 0],
    [2, ['b', 'c'], 0],
    [3, ['a', 'b', 'c'], 0],
    [5, ['a', 'b', 'c'], 2],
  ])('the last %i of three lines', (count, lines, missing) => {
    inLog('a\nb\nc\n', (file) => {
      expect(file.seekTail(count)).toBe(missing);
      expect(rest(file)).toEqual(lines);
    });
  });

  test('the tail of a large file is found across blocks', () => {
    const lines = Array.from({ length: 30_000 }, (_value, index) => `line ${index}`);
    inLog(`${lines.join('\n')}\n`, (file) => {
      expect(file.seekTail(20_000)).toBe(0);
      expect(rest(file)).toEqual(lines.slice(10_000));
    });
  });

  test('a line without its newline waits until it is complete', () => {
    inLog('a\nhal', (file) => expect(rest(file)).toEqual(['a']));
  });

  test('an absent file is none, and rotated files come oldest first', () => {
    expect(LogFile.open('/nonexistent/log')).toBeUndefined();
    const directory = mkdtempSync(join(tmpdir(), 'punnet-log-'));
    const path = join(directory, 'x');
    for (const name of [path, `${path}.1`, `${path}.2`]) writeFileSync(name, `${name}\n`);
    const files = openLog(path);
    expect(files.map((file) => String(file.next()).trimEnd())).toEqual([`${path}.2`, `${path}.1`, path]);
    files.forEach((file) => file.close());
    rmSync(directory, { recursive: true });
  });
});
