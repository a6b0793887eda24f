// A real dockerd for the duration of a test run: own data, own socket, own mount namespace (its mounts end with it),
// no bridge and no iptables rules, so that it cannot disturb the host. Runs as root on the host.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { background, run, which } from './process.ts';
import { makeScratch, until } from './until.ts';

export interface Dockerd {
  /** path of its socket */
  socket: string;
  /** its pid, for tests that look into /proc */
  pid: number;
  stop(): Promise<void>;
}

export interface DockerdOptions {
  /** `http://127.0.0.1:5000`: asked first for names of docker.io */
  mirror?: string;
  /** directory of what goes with the machine (`--exec-root`); among its data unless given */
  run?: string;
  /** further OCI runtimes: name → program */
  runtimes?: Record<string, string>;
}

/** Starts dockerd and waits until it answers (2 to 5 s). */
export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  const program = which('dockerd');
  if (!program) throw new Error('dockerd is not installed (apt-get install docker.io)');
  const directory = makeScratch('dockerd');
  // Others may talk to the socket, not look into the data.
  chmodSync(directory, 0o711);
  const exec = options.run ?? join(directory, 'exec');
  mkdirSync(exec, { recursive: true });
  const socket = join(directory, 'docker.sock');
  const service = background('unshare', [
    ...['--mount', '--propagation', 'slave', program],
    ...['--data-root', join(directory, 'data'), '--exec-root', exec, '-p', join(directory, 'pid')],
    ...['-H', `unix://${socket}`, '--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
    ...(options.mirror ? ['--registry-mirror', options.mirror] : []),
    ...Object.entries(options.runtimes ?? {}).map(([name, path]) => `--add-runtime=${name}=${path}`),
  ]);
  const docker = (...args: string[]) => run('docker', ['-H', `unix://${socket}`, ...args]);
  try {
    await until('dockerd answers', async () => {
      if (service.child.exitCode !== null) throw new Error('dockerd ended');
      return (await docker('version')).code === 0;
    });
  } catch (error) {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`dockerd: ${service.output()}`, { cause: error });
  }
  return {
    socket,
    pid: service.child.pid!,
    async stop() {
      const ids = (await docker('ps', '-aq')).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await docker('rm', '-f', ...ids);
      await service.stop(30_000);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
