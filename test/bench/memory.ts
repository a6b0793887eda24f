// Memory that a process has for itself alone: Private_Clean and Private_Dirty of /proc/PID/smaps_rollup, proc(5). Of engines'
// supervisors, one per container, and of punnet's daemon.

import { readdirSync, readFileSync } from 'node:fs';
import { EngineApi } from './engine-api.ts';
import { median, type Result } from './measure.ts';
import type { Peers } from './peers.ts';

const MB = 1024;

/** Starts `count` sleeping containers on punnet and two on docker; returns what ends them. */
export async function startSleepers({ punnet, docker }: Peers, count: number): Promise<() => Promise<void>> {
  const started: { api: EngineApi; ids: string[] }[] = [];
  for (const [peer, number] of [[punnet, count] as const, [docker, 2] as const]) {
    if (!peer) continue;
    const api = new EngineApi(peer.socket);
    const ids: string[] = [];
    started.push({ api, ids });
    const lane = async () => {
      while (ids.length < number) {
        const at = ids.push('') - 1;
        ids[at] = await api.detached(['sleep', '1000']);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  }
  return async () => {
    for (const { api, ids } of started) {
      for (const id of ids) await api.remove(id);
      api.close();
    }
  };
}

/** Medians over all supervisors of each engine. */
export function shimMemory({ punnet, docker }: Peers): Result[] {
  const results = [
    memoryOf('punnet shim', (line) => line.includes('punnet-shim') && line.includes(punnet.daemon.root)),
  ];
  if (docker) results.push(memoryOf('containerd-shim', (line) => line.includes('containerd-shim-runc')));
  return results;
}

export function daemonMemory({ punnet }: Peers): Result {
  return { name: 'punnetd', median: privateMb(String(punnet.daemon.daemonPid())) };
}

function memoryOf(name: string, isOne: (line: string) => boolean): Result {
  const values: number[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const line = quiet(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    const value = line && isOne(line) ? quiet(() => privateMb(pid)) : undefined;
    if (value) values.push(value);
  }
  return values.length ? { name, median: median(values) } : { name, reason: 'no such process can be read' };
}

function privateMb(pid: string): number {
  const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm);
  return [...lines].reduce((sum, [, kb]) => sum + Number(kb), 0) / MB;
}

/** Processes end while they are looked at. */
function quiet<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
