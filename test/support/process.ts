// Programs that a test starts: run to the end with captured output, or kept in the background until stopped.
// Only processes that were started here are ever signalled, by pid.

import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface Outcome {
  stdout: string;
  stderr: string;
  /** exit code; 128 + n when a signal ended the program */
  code: number;
}

export interface RunOptions {
  stdin?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** ids on the host, for root only */
  uid?: number;
  gid?: number;
  /** milliseconds after which a hanging program is killed and the call fails */
  timeout?: number;
  /** of standard output; `latin1` for bytes */
  encoding?: BufferEncoding;
}

const SIGNALS: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Runs a program to its end; a non-zero exit is an answer, not an error. */
export function run(program: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  const { stdin, timeout = 60_000, encoding, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...spawnOptions,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, timeout);
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const outcome = {
        stdout: Buffer.concat(out).toString(encoding),
        stderr: Buffer.concat(err).toString(),
        code: code ?? 128 + (SIGNALS[signal!] ?? 0),
      };
      if (hung)
        reject(new Error(`${program} ${args.join(' ')}: hung for ${timeout} ms\n${outcome.stdout}\n${outcome.stderr}`));
      else resolve(outcome);
    });
    if (stdin !== undefined) {
      // A program that does not read its input closes the pipe: its exit code tells, not EPIPE here.
      child.stdin!.once('error', () => {});
      child.stdin!.end(stdin);
    }
  });
}

/** As `run`, and a non-zero exit is an error that shows the output. */
export async function mustRun(program: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await run(program, args, options);
  if (outcome.code !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

/** The path of a program, or undefined: looks through PATH and the directories of system programs. */
export function which(program: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    if (directory === '') continue;
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

export interface Background {
  child: ChildProcess;
  /** everything the program said so far */
  output(): string;
  /** SIGTERM, then SIGKILL after `grace` ms; resolves when it is gone */
  stop(grace?: number): Promise<void>;
}

/** Starts a program that stays; its output is kept for error messages. */
export function background(
  program: string,
  args: string[],
  options: Omit<RunOptions, 'stdin' | 'timeout'> = {},
): Background {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      text += String(error);
      resolve();
    });
  });
  return {
    child,
    output: () => text,
    async stop(grace = 15_000) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return ended;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), grace);
      await ended;
      clearTimeout(timer);
    },
  };
}
