// What is measured: the rows of docs' table of budgets, one function each. A budget is a bound for punnet's own number, or for
// its ratio to a peer's in the same run.

import { alternate, time, timeCommand, type Result } from './measure.ts';
import { EngineApi } from './engine-api.ts';
import { copy, list, logs } from './many.ts';
import { daemonMemory, shimMemory, startSleepers } from './memory.ts';
import type { Peer, Peers } from './peers.ts';
import { pushLargeImage } from './large-image.ts';
import { runtimes } from './runtimes.ts';

export interface Budget {
  /** whose number punnet's is divided by; absent: punnet's number itself is bounded */
  peer?: string;
  bound: number;
  /** `at-least` for a rate */
  sense?: 'at-least';
}

export interface Row {
  number: number;
  title: string;
  unit: string;
  subject: string;
  budgets: Budget[];
  measure(peers: Peers, times: number): Promise<Result[]>;
}

const RUN = ['run', '--rm', '--network', 'none', 'busybox', 'true'];

const run = (peer: Peer) => ({ name: peer.name, measure: () => timeCommand(peer.command(...RUN)) });

function present<T>(...peers: (T | undefined)[]): T[] {
  return peers.filter((peer): peer is T => peer !== undefined);
}

export const ROWS: Row[] = [
  {
    number: 1,
    title: 'run --rm --network none busybox true',
    unit: 'ms',
    subject: 'punnet',
    budgets: [
      { peer: 'docker', bound: 0.2 },
      { peer: 'podman', bound: 0.3 },
    ],
    measure: ({ punnet, docker, podman }, times) => alternate(present<Peer>(punnet, docker, podman).map(run), times),
  },
  {
    number: 2,
    title: 'create, start, wait, remove over the API',
    unit: 'ms',
    subject: 'punnet',
    budgets: [{ peer: 'docker', bound: 0.04 }],
    async measure({ punnet, docker }, times) {
      const samples = present<Peer & { socket: string }>(punnet, docker).map(({ name, socket }) => {
        const api = new EngineApi(socket);
        return { name, measure: () => time(() => api.round(['true'])) };
      });
      return alternate(samples, times);
    },
  },
  {
    number: 3,
    title: 'the same, 4 in flight',
    unit: 'containers/s',
    subject: 'punnet',
    budgets: [{ bound: 100, sense: 'at-least' }],
    async measure({ punnet, docker }, times) {
      const results: Result[] = [];
      for (const { name, socket } of present<Peer & { socket: string }>(punnet, docker)) {
        results.push(
          ...(await alternate([{ name, measure: () => rate(socket, times * (name === 'docker' ? 2 : 20)) }], 1)),
        );
      }
      return results;
    },
  },
  {
    number: 4,
    title: 'docker run --rm --network none busybox true',
    unit: 'ms',
    subject: 'docker CLI on punnet',
    budgets: [{ peer: 'docker', bound: 0.15 }],
    measure: ({ dockerOnPunnet, docker }, times) => alternate(present(dockerOnPunnet, docker).map(run), times),
  },
  {
    number: 5,
    title: 'OCI runtime: run true',
    unit: 'ms',
    subject: 'punnet-runc',
    budgets: [{ peer: 'runc', bound: Number(process.versions.node.split('.')[0]) >= 24 ? 1 : 1.3 }],
    measure: ({ scratch }, times) => runtimes(scratch, times),
  },
  {
    number: 6,
    title: 'private memory of a shim, of the daemon with 200 containers',
    unit: 'MB',
    subject: 'punnet shim',
    budgets: [{ bound: 0.5 }],
    async measure(peers) {
      const end = await startSleepers(peers, 200);
      try {
        return [...shimMemory(peers), daemonMemory(peers)];
      } finally {
        await end();
      }
    },
  },
  {
    number: 7,
    title: 'pull and unpack 3 layers, 237 MB, from loopback',
    unit: 'ms',
    subject: 'punnet',
    budgets: [{ peer: 'docker', bound: 0.5 }],
    async measure({ registry, punnet, docker, podman, scratch }, times) {
      const name = await pushLargeImage(registry, scratch);
      const samples = present<Peer>(punnet, docker, podman).map((peer) => {
        const insecure = peer === podman ? ['--tls-verify=false'] : [];
        return {
          name: peer.name,
          async measure() {
            const spent = await timeCommand(peer.command('pull', '-q', ...insecure, name));
            await timeCommand(peer.command('rmi', name));
            return spent;
          },
        };
      });
      return alternate(samples, Math.max(3, Math.round(times / 5)));
    },
  },
  {
    number: 10,
    title: 'ps -a of 500 containers',
    unit: 'ms',
    subject: 'punnet',
    budgets: [{ bound: 100 }],
    measure: (peers, times) => list(peers, { containers: 500, times }),
  },
  {
    number: 11,
    title: 'logs of 1 GB, in lines of 128 bytes',
    unit: 'MB/s',
    subject: 'punnet',
    budgets: [{ bound: 200, sense: 'at-least' }],
    measure: (peers) => logs(peers),
  },
  {
    number: 12,
    title: 'cp of a file of 237 MB out of a container and back',
    unit: 'ms',
    subject: 'punnet',
    budgets: [{ peer: 'docker', bound: 1 }],
    measure: (peers, times) => copy(peers, Math.max(3, Math.round(times / 5))),
  },
  {
    number: 13,
    title: 'save of an image of 3 layers, 237 MB',
    unit: 'ms',
    subject: 'punnet',
    budgets: [{ peer: 'docker', bound: 1 }],
    async measure({ registry, punnet, docker, scratch }, times) {
      const name = await pushLargeImage(registry, scratch);
      const engines = present<Peer>(punnet, docker);
      for (const engine of engines) await timeCommand(engine.command('pull', '-q', name));
      const samples = engines.map((engine) => ({
        name: engine.name,
        measure: () => timeCommand(engine.command('save', name)),
      }));
      const results = await alternate(samples, Math.max(3, Math.round(times / 5)));
      for (const engine of engines) await timeCommand(engine.command('rmi', name));
      return results;
    },
  },
];

/** Containers per second when four are always under way. */
async function rate(socket: string, total: number): Promise<number> {
  const api = new EngineApi(socket);
  let left = total;
  const lane = async () => {
    while (left-- > 0) await api.round(['true']);
  };
  const spent = await time(() => Promise.all([lane(), lane(), lane(), lane()]));
  api.close();
  return total / (spent / 1000);
}
