import { describe, expect, test } from 'vitest';
import { parseFlags, type FlagTable } from '../../src/runtime/cli/flags.ts';

const TABLE: FlagTable = {
  'bundle,b': ['text', ''],
  'detach,d': ['bool', ''],
  'preserve-fds': ['number', ''],
  'env,e': ['list', ''],
};
const parse = (...argv: string[]) => parseFlags(TABLE, argv);

describe('flags are those of Go', () => {
  test('one dash or two, a value behind the sign or in the next word', () => {
    for (const argv of [['-b', 'x'], ['--b', 'x'], ['-bundle=x'], ['--bundle', 'x'], ['--bundle=x']]) {
      expect(parse(...argv).flags.text('bundle')).toBe('x');
    }
  });

  test('the first word that is no flag ends them, and so does --', () => {
    expect(parse('-d', 'id', '-b', 'x')).toMatchObject({ rest: ['id', '-b', 'x'] });
    expect(parse('--', '-d').rest).toEqual(['-d']);
    expect(parse('-').rest).toEqual(['-']);
  });

  test('a bool takes its value only behind the sign', () => {
    expect(parse('-d').flags.bool('detach')).toBe(true);
    expect(parse('--detach=false').flags.bool('detach')).toBe(false);
    expect(parse('-d', 'false').rest).toEqual(['false']);
    expect(() => parse('-d=maybe')).toThrow('invalid boolean value "maybe" for flag -d');
  });

  test('the last value counts, a list keeps all', () => {
    expect(parse('-b', '1', '-b', '2').flags.text('bundle')).toBe('2');
    expect(parse('-e', 'A=1', '--env=B=2=3').flags.list('env')).toEqual(['A=1', 'B=2=3']);
  });

  test('an unknown flag, one without its value, a number that is none are refused in Go’s words', () => {
    expect(() => parse('--nope')).toThrow('flag provided but not defined: -nope');
    expect(() => parse('--bundle')).toThrow('flag needs an argument: -bundle');
    expect(() => parse('--preserve-fds', 'x')).toThrow('invalid value "x" for flag -preserve-fds');
    expect(() => parse('---x')).toThrow('bad flag syntax: ---x');
  });
});
