// Starts driver.ts in a user and mount namespace with 65536 ids, as the daemon has, and calls it. Works for an unprivileged
// user with subordinate ids (newuidmap) and for root (maps written directly).

import { spawn, type ChildProcess } from 'node:child_process';
import { build } from 'esbuild';
import { chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { nativeDirectory } from '../../src/native/addon.ts';
import type { Calls } from './driver.ts';

const HERE = new URL('.', import.meta.url).pathname;
const ROOT_BASE = 1_000_000;

/** Why these tests cannot run here, or undefined. */
export function whyNot(): string | undefined {
  if (process.getuid!() === 0) return undefined;
  const { username, uid } = userInfo();
  const named = (file: string) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
  try {
    return named('/etc/subuid') && named('/etc/subgid') ? undefined : `user ${username} has no subordinate ids`;
  } catch {
    return 'this machine has no /etc/subuid';
  }
}

export class Namespace {
  /** A directory that both sides can use. */
  readonly dir: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(dir: string, child: ChildProcess) {
    this.dir = dir;
    this.#child = child;
    child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: Error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(Object.assign(new Error(error.message), error));
      else waiting?.resolve(value);
    });
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`driver ended: ${code ?? signal}`));
    });
  }

  static async start({ worker = false } = {}): Promise<Namespace> {
    const dir = mkdtempSync(join(tmpdir(), 'punnet-snapshot-'));
    const asRoot = process.getuid!() === 0;
    await build({
      entryPoints: {
        driver: join(HERE, 'driver.ts'),
        'unpack-worker': join(HERE, '../../src/snapshot/unpack-worker.ts'),
      },
      outdir: join(dir, 'bin'),
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
    });
    copyFileSync(join(nativeDirectory(), 'punnet.node'), join(dir, 'bin/punnet.node'));
    const env = {
      ...process.env,
      PUNNET_NATIVE: join(dir, 'bin'),
      WORKER: worker ? join(dir, 'bin/unpack-worker.cjs') : '',
    };
    const program = [process.execPath, join(dir, 'bin/driver.cjs')];
    if (!asRoot) {
      const args = ['--user', '--map-root-user', '--map-auto', '--mount', ...program];
      const child = spawn('unshare', args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env,
        serialization: 'advanced',
      });
      return Namespace.#ready(dir, child);
    }
    chownSync(dir, ROOT_BASE, ROOT_BASE);
    const script = 'echo; read -r mapped; exec setpriv --reuid=0 --regid=0 --clear-groups "$@"';
    const args = ['--user', '--mount', '--keep-caps', 'sh', '-c', script, 'sh', ...program];
    const child = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'inherit', 'ipc'], env, serialization: 'advanced' });
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, `0 ${ROOT_BASE} 65536\n`);
    child.stdin!.end('\n');
    return Namespace.#ready(dir, child);
  }

  static #ready(dir: string, child: ChildProcess): Promise<Namespace> {
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve(new Namespace(dir, child)));
      child.once('exit', (code, signal) => reject(new Error(`driver did not start: ${code ?? signal}`)));
    });
  }

  /** @throws what the call threw, with its kind and fix */
  call<N extends keyof Calls>(name: N, ...args: Parameters<Calls[N]>): Promise<Awaited<ReturnType<Calls[N]>>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, name, args });
    });
  }

  /** Ends the driver and removes everything: its own root removes first, since files belong to subordinate ids. */
  async stop(): Promise<void> {
    await this.call('removeAll', this.dir);
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await exited;
    rmSync(this.dir, { recursive: true, force: true });
  }
}
