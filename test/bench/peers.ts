// The engines that are compared: punnet, as the user of the bench, and whichever of docker and podman this machine has. Each
// with its own data, and with the same images, pulled from one registry on loopback.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDockerd } from '../support/docker.ts';
import { isRoot, need } from '../support/need.ts';
import { mustRun, run, which } from '../support/process.ts';
import { missingPunnet, startPunnet, type Punnet } from '../support/punnet.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { makeScratch } from '../support/until.ts';
import { pushImages } from '../verb/images.ts';
import type { Command } from './measure.ts';

export interface Peer {
  name: string;
  /** A command line of its client. */
  command(...args: string[]): Command;
  /** Engine API socket; podman has none here. */
  socket?: string;
}

export interface Peers {
  registry: Registry;
  punnet: Peer & { socket: string; daemon: Punnet };
  docker?: Peer & { socket: string };
  podman?: Peer;
  /** docker's client on punnet's daemon */
  dockerOnPunnet?: Peer;
  /** who is not here, and why */
  absent: string[];
  /** a directory for the rows */
  scratch: string;
  stop(): Promise<void>;
}

/** Starts everything and pulls busybox. @throws Error when punnet itself cannot run */
export async function startPeers(): Promise<Peers> {
  const missing = missingPunnet(isRoot ? 'root' : 'user') ?? need('registry');
  if (missing) throw new Error(missing);
  const scratch = makeScratch('bench');
  chmodSync(scratch, 0o755);
  const undo: (() => Promise<void> | void)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const absent: string[] = [];
    const registry = await startRegistry();
    undo.push(registry.stop);
    await pushImages(registry);
    // Where both have on most hosts what goes with the machine: in memory.
    const memory = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/punnet-bench-') : join(scratch, 'run');
    chmodSync(memory, 0o755);
    undo.push(() => rmSync(memory, { recursive: true, force: true }));
    const punnet = await punnetPeer({ home: join(scratch, 'punnet'), run: join(memory, 'punnet') }, undo);
    const docker = await dockerPeer({ registry, run: join(memory, 'docker') }, { absent, undo });
    const podman = await podmanPeer(join(scratch, 'podman'), { absent, undo });
    const dockerOnPunnet: Peer | undefined = docker && {
      name: 'docker CLI on punnet',
      command: (...args) => ({ program: which('docker')!, args: ['-H', `unix://${punnet.socket}`, ...args] }),
    };
    for (const peer of [punnet, docker, podman]) {
      if (!peer) continue;
      const insecure = peer === podman ? ['--tls-verify=false'] : [];
      for (const args of [
        ['pull', '-q', ...insecure, `${registry.host}/library/busybox`],
        ['tag', `${registry.host}/library/busybox`, 'busybox'],
      ]) {
        const { program, args: all, ...options } = peer.command(...args);
        await mustRun(program, all, options);
      }
    }
    return { registry, punnet, docker, podman, dockerOnPunnet, absent, scratch, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Undo = (() => Promise<void> | void)[];

async function punnetPeer({ home, run }: { home: string; run: string }, undo: Undo): Promise<Peers['punnet']> {
  const daemon = await startPunnet({ home, run, as: isRoot ? 'root' : 'user' });
  undo.push(daemon.stop);
  const { program, env, socket } = daemon.engine.spec;
  return { name: 'punnet', socket, daemon, command: (...args) => ({ program, args, env }) };
}

async function dockerPeer(
  { registry, run }: { registry: Registry; run: string },
  { absent, undo }: { absent: string[]; undo: Undo },
) {
  const missing = need('docker', 'docker-cli');
  if (missing) return void absent.push(`docker: ${missing}`);
  const dockerd = await startDockerd({ mirror: registry.url, run });
  undo.push(dockerd.stop);
  const program = which('docker')!;
  const prefix = ['-H', `unix://${dockerd.socket}`];
  return {
    name: 'docker',
    socket: dockerd.socket,
    command: (...args: string[]) => ({ program, args: [...prefix, ...args] }),
  };
}

async function podmanPeer(home: string, { absent, undo }: { absent: string[]; undo: Undo }): Promise<Peer | undefined> {
  const program = which('podman');
  if (!program) return void absent.push('podman: not installed (apt-get install podman)');
  mkdirSync(home);
  const prefix = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--tmpdir', join(home, 'tmp')];
  prefix.push('--cgroup-manager', 'cgroupfs', '--events-backend', 'none');
  if (which('runc')) prefix.push('--runtime', which('runc')!);
  // Podman raises limits to a million by default, which takes CAP_SYS_RESOURCE on the host.
  const conf = join(home, 'containers.conf');
  writeFileSync(conf, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
  const env = { ...process.env, CONTAINERS_CONF: conf };
  const peer: Peer = { name: 'podman', command: (...args) => ({ program, args: [...prefix, ...args], env }) };
  const info = await run(program, [...prefix, 'info'], { env });
  if (info.code !== 0) return void absent.push(`podman: ${info.stderr.trim().split('\n').at(-1)}`);
  undo.push(async () => void (await run(program, [...prefix, 'rm', '-af'], { env })));
  return peer;
}
