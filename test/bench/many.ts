// Rows of numbers: many containers in a list, a long log, a large file.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../support/process.ts';
import { EngineApi } from './engine-api.ts';
import { alternate, timeCommand, type Result } from './measure.ts';
import type { Peer, Peers } from './peers.ts';

const MB = 1e6;
const LOG_MB = 1000;
const FILE_MB = 237;

type Server = Peer & { socket: string };

/** Milliseconds of `ps -a` with so many containers. */
export async function list(
  { punnet }: Peers,
  { containers, times }: { containers: number; times: number },
): Promise<Result[]> {
  const api = new EngineApi(punnet.socket);
  const ids: string[] = [];
  for (let index = 0; index < containers; index++) ids.push(await api.create(['true']));
  const results = await alternate(
    [{ name: punnet.name, measure: () => timeCommand(punnet.command('ps', '-a')) }],
    times,
  );
  for (const id of ids) await api.remove(id);
  api.close();
  return results;
}

/** Megabytes per second of `logs` of a container that wrote a gigabyte in lines of 128 bytes. */
export async function logs({ punnet, docker }: Peers): Promise<Result[]> {
  const script = `yes ${'x'.repeat(127)} | head -c ${LOG_MB * MB}`;
  const results: Result[] = [];
  for (const peer of [punnet, docker]) {
    if (!peer) continue;
    const id = await written(peer, script);
    const measure = async () => LOG_MB / ((await timeCommand(peer.command('logs', id))) / 1000);
    results.push(...(await alternate([{ name: peer.name, measure }], 1)));
    await removed(peer, id);
  }
  return results;
}

/** Milliseconds to copy a file out of a container and back into it. */
export async function copy({ punnet, docker, scratch }: Peers, times: number): Promise<Result[]> {
  const peers = [punnet, docker].filter((peer): peer is Server => peer !== undefined);
  const ids = new Map<Server, string>();
  for (const peer of peers) ids.set(peer, await written(peer, `head -c ${FILE_MB * MB} /dev/urandom >/file`));
  const samples = peers.map((peer) => ({
    name: peer.name,
    async measure() {
      const path = join(scratch, `copied-by-${peer.name}`);
      const out = await timeCommand(peer.command('cp', `${ids.get(peer)}:/file`, path));
      const back = await timeCommand(peer.command('cp', path, `${ids.get(peer)}:/again`));
      rmSync(path);
      return out + back;
    },
  }));
  const results = await alternate(samples, times);
  for (const [peer, id] of ids) await removed(peer, id);
  return results;
}

/** Runs a script in a container to its end; its id. */
async function written(peer: Server, script: string): Promise<string> {
  const { program, args, ...options } = peer.command('run', '-d', '--network', 'none', 'busybox', 'sh', '-c', script);
  const id = (await mustRun(program, args, options)).stdout.trim();
  const wait = peer.command('wait', id);
  await mustRun(wait.program, wait.args, { env: wait.env, timeout: 300_000 });
  return id;
}

async function removed(peer: Server, id: string): Promise<void> {
  const { program, args, ...options } = peer.command('rm', '-f', id);
  await mustRun(program, args, options);
}
