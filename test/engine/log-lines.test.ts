import { expect, test } from 'vitest';
import { translateLines } from '../../src/engine/container/log-lines.ts';
import { encodeFrame } from '../../src/engine/container/shim-frames.ts';

const TIME = '2026-11-25T08:00:00.123456789Z';
const line = (log: string, stream = 'stdout') => `${JSON.stringify({ log, stream, time: TIME })}\n`;
const all = { stdout: true, stderr: true, framed: true };
const translate = (text: string, wanted = all, other: (line: Buffer) => Buffer | undefined = () => undefined) =>
  Buffer.concat(translateLines(Buffer.from(text), wanted, other)).toString('latin1');
const frames = (...texts: [stream: number, text: string][]) =>
  Buffer.concat(texts.map(([stream, text]) => encodeFrame(stream, Buffer.from(text)))).toString('latin1');

test.each([
  'plain\n',
  '\n',
  '',
  'a part of a long line',
  'quote " backslash \\ tab\t return\r bell\u0007 zero\0\n',
  '\\n is no newline\n',
  'ends in a backslash \\\n',
  'ä € 🧺 \u2028\n',
  'x'.repeat(20_000),
])('%j comes out as it went in', (text) => {
  expect(translate(line(text))).toBe(frames([1, text]));
  expect(translate(line(text) + line('next\n', 'stderr'))).toBe(frames([1, text], [2, 'next\n']));
});

test('escapes as Go writes them', () => {
  const text = String.raw`{"log":"\u003ca\u003e \u0026 \ufffd \u2028\n","stream":"stderr","time":"2026-11-25T08:00:00Z"}`;
  expect(translate(`${text}\n`)).toBe(frames([2, '<a> & \ufffd \u2028\n']));
});

test('a stream that is not wanted is left out, and a terminal has no frames', () => {
  const text = line('out\n') + line('err\n', 'stderr') + line('out again\n');
  expect(translate(text, { ...all, stderr: false })).toBe(frames([1, 'out\n'], [1, 'out again\n']));
  expect(translate(text, { ...all, framed: false })).toBe('out\nerr\nout again\n');
});

test.each([
  'no JSON',
  '{"log":"cut',
  '{"log":"no stream"}',
  '{"stream":"stdout","log":"other order\\n","time":"2026-11-25T08:00:00Z"}',
  '{"log":"half a pair \\ud83e\\n","stream":"stdout","time":"2026-11-25T08:00:00Z"}',
  '{"log":"no such escape \\x\\n","stream":"stdout","time":"2026-11-25T08:00:00Z"}',
  '{"log":"no such stream\\n","stream":"stdlog","time":"2026-11-25T08:00:00Z"}',
  `{"log":"a time without an end\\n","stream":"stdout","time":"${'2'.repeat(100)}"}`,
  '',
])('%j is left to another, between its neighbours', (odd) => {
  const seen: string[] = [];
  const other = (bytes: Buffer) => {
    seen.push(bytes.toString());
    return Buffer.from('!');
  };
  const found = translate(`${line('before\n')}${odd}\n${line('after\n')}`, all, other);
  expect(found).toBe(`${frames([1, 'before\n'])}!${frames([1, 'after\n'])}`);
  expect(seen).toEqual([odd]);
});
