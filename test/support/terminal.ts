// A program on a terminal of its own: util-linux's script(1) holds the master, so that the program's standard input,
// output and error are a tty. Runs in vitest's processes; pty(7), script(1).

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { mustRun, which } from './process.ts';
import { until } from './until.ts';

export interface Terminal {
  /** everything shown so far, as the terminal got it (CR LF included) */
  screen(): string;
  /** keys, as bytes */
  type(keys: string): void;
  /** waits until the screen has this text */
  shows(text: string | RegExp): Promise<void>;
  /** changes the size of the terminal: the program gets SIGWINCH */
  resize(rows: number, columns: number): Promise<void>;
  /** exit code of the program */
  ended: Promise<number>;
  /** the program's own process id, for signals */
  pid: number;
  close(): void;
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Starts the engine's client on a terminal of `rows` × `columns` (24 × 80). */
export async function openTerminal(
  engine: Engine,
  args: string[],
  size: { rows: number; columns: number } = { rows: 24, columns: 80 },
): Promise<Terminal> {
  const { spec } = engine;
  const directory = mkdtempSync(join(tmpdir(), 'pt-tty-'));
  chmodSync(directory, 0o777);
  const command = [spec.program, ...spec.prefix, ...args].map(quote).join(' ');
  const prologue = `tty > ${directory}/tty; echo $$ > ${directory}/pid; stty rows ${size.rows} cols ${size.columns}`;
  const child: ChildProcess = spawn(which('script')!, ['-qefc', `${prologue}; exec ${command}`, '/dev/null'], {
    cwd: spec.home,
    env: { ...spec.env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid }),
  });
  let screen = '';
  child.stdout!.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  child.stdin!.on('error', () => {});
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 255)));
  const read = (name: string) =>
    until(`${name} of the terminal`, () => readFileSync(join(directory, name), 'utf8').trim());
  const tty = await read('tty');
  const pid = Number(await read('pid'));
  return {
    screen: () => screen,
    type: (keys) => void child.stdin!.write(keys),
    shows: async (text) => {
      try {
        await until(
          'text on the terminal',
          () => (typeof text === 'string' ? screen.includes(text) : text.test(screen)),
          20,
        );
      } catch {
        throw new Error(`the terminal does not show ${String(text)}, but ${JSON.stringify(screen)}`);
      }
    },
    resize: async (rows, columns) => {
      await mustRun('stty', ['-F', tty, 'rows', String(rows), 'cols', String(columns)]);
    },
    ended,
    pid,
    close: () => {
      child.kill('SIGHUP');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
