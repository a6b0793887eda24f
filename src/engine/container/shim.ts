// The daemon's end of one container's shim: starts it or finds it again, and speaks the frames of native/shim-protocol.
// Runs in the daemon. The shim is a child of the daemon that outlives it.

import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { internal, messageOf } from '../../base/errors.ts';
import { FROM_SHIM, TO_SHIM } from '../../native/shim-protocol.ts';
import { readExit, type ExitStatus } from './exit-file.ts';
import { FrameDecoder, encodeFrame } from './shim-frames.ts';
import type { SpareShim } from './spare-shim.ts';

export interface ShimOptions {
  /** the container's runtime directory, which holds `plan` */
  directory: string;
  /** where the shim records the end */
  exitFile: string;
  socket: string;
  tty: boolean;
  stdin: 'null' | 'open' | 'once';
  /** bytes; files; whether `log-attributes` beside the plan is a JSON object that every line carries */
  log?: { path: string; maxSize?: number; maxFile?: number; attributes: boolean };
  size?: { rows: number; columns: number };
  /** report every op, not only those of a plan that fails */
  explain?: boolean;
  /** the plan mounts the container's root: it lasts until the exit was told */
  holdsRoot?: boolean;
}

/** The plan failed at one op. */
export class PlanFailure extends Error {
  readonly index: number;
  readonly errno: number;

  constructor(index: number, errno: number) {
    super(`op ${index} failed with errno ${errno}`);
    this.index = index;
    this.errno = errno;
  }
}

/** What a shim is told when its container cannot be known to have ended in any other way. */
export const LOST: ExitStatus = { exitCode: 137, signal: 9 };

export class Shim {
  readonly socket: string;
  /** init's pid; rejects with a PlanFailure, or internal when the shim ended */
  readonly ready: Promise<number>;
  /** execve succeeded; rejects like `ready` */
  readonly started: Promise<void>;
  /** init ended; never rejects */
  readonly exit: Promise<ExitStatus>;
  /** the shim itself ended, and with it its mounts */
  readonly gone: Promise<void>;
  readonly #control: Duplex;

  private constructor(socket: string, control: Duplex, exitFile: string, gone?: Promise<void>) {
    this.socket = socket;
    this.#control = control;
    const ready = settler<number>();
    const started = settler<void>();
    const exit = settler<ExitStatus>();
    const fail = (error: Error) => {
      ready.reject(error);
      started.reject(error);
    };
    const decoder = new FrameDecoder(
      {
        output: () => {},
        control: (type, payload) => {
          if (type === FROM_SHIM.ready) ready.resolve(payload.readUInt32BE(0));
          else if (type === FROM_SHIM.started) started.resolve();
          else if (type === FROM_SHIM.failed) fail(new PlanFailure(payload.readUInt32BE(0), payload.readUInt32BE(4)));
          else if (type === FROM_SHIM.exit) {
            // An exit proves the start, whatever became of its frame.
            started.resolve();
            exit.resolve({ exitCode: payload.readUInt32BE(0), signal: payload.readUInt32BE(4) });
          }
        },
      },
      true,
    );
    control.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        control.destroy(error as Error);
      }
    });
    control.on('error', (error) => fail(internal(`talk to the shim: ${messageOf(error)}`, { cause: error })));
    const closed = new Promise<void>((resolve) => control.once('close', resolve));
    void closed.then(() => {
      fail(internal('the shim ended before the container started'));
      exit.resolve(readExit(exitFile) ?? LOST);
    });
    this.ready = ready.promise;
    this.started = started.promise;
    this.exit = exit.promise;
    this.gone = gone === undefined ? closed : Promise.all([closed, gone]).then(() => undefined);
  }

  /** Starts a shim; it walks the plan at once. @throws internal when it cannot be started */
  static async spawn(spare: SpareShim, options: ShimOptions): Promise<Shim> {
    try {
      const { socket, gone } = await spare.take(argumentsOf(options));
      return new Shim(options.socket, socket, options.exitFile, gone);
    } catch (error) {
      throw internal(`start ${spare.program}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Finds the shim of a container that an earlier daemon started. Rejects when none listens. */
  static find(socket: string, exitFile: string): Promise<Shim> {
    return new Promise((resolve, reject) => {
      const control = connect(socket);
      control.once('error', reject);
      control.once('connect', () => {
        control.off('error', reject);
        resolve(new Shim(socket, control, exitFile));
      });
    });
  }

  /** A further connection, for one attached client. */
  connect(): Socket {
    return connect({ path: this.socket, allowHalfOpen: true });
  }

  /** Releases init; resolves when execve succeeded. */
  start(): Promise<void> {
    this.#control.write(encodeFrame(TO_SHIM.start));
    return this.started;
  }

  /** kill(init, signal), without the race against its end. */
  signal(signal: number): void {
    this.#control.write(encodeFrame(TO_SHIM.signal, [signal]));
  }

  resize(rows: number, columns: number): void {
    this.#control.write(encodeFrame(TO_SHIM.resize, [rows, columns]));
  }

  /** Hangs up. A shim whose container has not started takes it as its end. */
  close(): void {
    this.#control.destroy();
  }
}

function argumentsOf(options: ShimOptions): string[] {
  const { log, size } = options;
  const args = ['--dir', options.directory, '--listen', options.socket, '--exit', options.exitFile];
  args.push('--stdin', options.stdin);
  if (options.tty) args.push('--tty');
  if (options.explain === true) args.push('--explain');
  if (options.holdsRoot === true) args.push('--hold-root');
  if (log !== undefined) args.push('--log', log.path);
  if (log?.maxSize !== undefined) args.push('--log-max-size', String(log.maxSize));
  if (log?.maxFile !== undefined) args.push('--log-max-file', String(log.maxFile));
  if (log?.attributes) args.push('--log-attributes');
  if (size !== undefined) args.push('--rows', String(size.rows), '--cols', String(size.columns));
  return args;
}

interface Settler<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function settler<T>(): Settler<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever awaits it sees the rejection; nobody awaiting is no fault.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
