// Containers join and leave networks, are killed and started again, for as long as it takes; the daemon is killed in between.
// All along names lead to the right addresses, and in the end the kernel has what the records say, and then nothing.
// PUNNET_SOAK_SEED repeats a run, PUNNET_SOAK_SECONDS bounds it.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { isRoot, need } from '../support/need.ts';
import { mustRun } from '../support/process.ts';
import { missingPunnet, startPunnet, type Punnet } from '../support/punnet.ts';
import { makeOpenScratch, until } from '../support/until.ts';
import { amount, inParallel } from './size.ts';

const NETWORKS = amount(3, 100);
const EACH = 3;
const LANES = 4;
const SECONDS = Number(process.env.PUNNET_SOAK_SECONDS ?? amount(3, 600));
const SEED = Number(process.env.PUNNET_SOAK_SEED ?? 1 + (Date.now() % 1_000_000));

/** Numbers from 0 to 1 that a seed repeats. https://en.wikipedia.org/wiki/Lehmer_random_number_generator */
function randomOf(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

interface Member {
  name: string;
  /** numbers of its networks; the first is where it was made */
  networks: Set<number>;
  busy: boolean;
}

for (const as of isRoot ? (['user', 'root'] as const) : (['user'] as const))
  claims(
    `${NETWORKS} networks with ${EACH} containers each, punnet as ${as}`,
    missingPunnet(as) ?? need('root', 'nft'),
    () => {
      let punnet: Punnet;
      let cli: Punnet['engine']['must'];
      const net = (number: number) => `soak-${number}`;
      const members: Member[] = [];

      beforeAll(async () => {
        punnet = await startPunnet({ home: join(makeOpenScratch('soak'), 'home'), as });
        const { engine } = punnet;
        cli = (args, options) => engine.must(args, { timeout: 120_000, ...options });
        await until('the built-in image is there', async () => (await engine.cli(['inspect', 'busybox'])).code === 0);
        const numbers = Array.from({ length: NETWORKS }, (_, number) => number);
        await inParallel(numbers, LANES, async (number) => {
          // Internal: what is no container's name is then asked of nobody.
          await cli([
            'network',
            'create',
            '--internal',
            '--subnet',
            `10.${100 + (number >> 8)}.${number & 255}.0/24`,
            net(number),
          ]);
          for (let i = 0; i < EACH; i++) {
            const name = `m-${number}-${i}`;
            await cli(['run', '-d', '--name', name, '--network', net(number), 'busybox', 'sleep', '100000']);
            members.push({ name, networks: new Set([number]), busy: false });
          }
        });
      }, 300_000);
      afterAll(() => punnet?.stop(), 300_000);

      const addresses = async ({ name }: Member): Promise<Record<string, string>> => {
        const text = await cli(['inspect', '--format', '{{json .NetworkSettings.Networks}}', name]);
        const networks = JSON.parse(text) as Record<string, { IPAddress: string }>;
        return Object.fromEntries(Object.entries(networks).map(([key, { IPAddress }]) => [key, IPAddress]));
      };

      /** The addresses that a container is given for a name; none for a name that it must not know. */
      const lookUp = async (from: Member, name: string): Promise<string[]> => {
        const text = await cli(['exec', from.name, 'sh', '-c', `nslookup ${name} 2>&1 || true`]);
        return [...text.matchAll(/^Address: +(10\.[\d.]+)$/gm)].map(([, address]) => address!).sort();
      };

      const step = async (random: () => number): Promise<void> => {
        const idle = members.filter(({ busy }) => !busy);
        const pick = <T>(list: T[]): T => list[Math.floor(random() * list.length)]!;
        const member = pick(idle);
        const kind = random();
        const number = Math.floor(random() * NETWORKS);
        member.busy = true;
        try {
          if (kind < 0.35 && !member.networks.has(number)) {
            await cli(['network', 'connect', net(number), member.name]);
            member.networks.add(number);
          } else if (kind < 0.6 && member.networks.size > 1) {
            const left = [...member.networks].at(-1)!;
            await cli(['network', 'disconnect', net(left), member.name]);
            member.networks.delete(left);
          } else if (kind < 0.8) {
            await cli(['kill', member.name]);
            await cli(['start', member.name]);
          } else if (kind < 0.9) {
            await cli(['rm', '-f', member.name]);
            const [first] = member.networks;
            await cli(['run', '-d', '--name', member.name, '--network', net(first!), 'busybox', 'sleep', '100000']);
            member.networks = new Set([first!]);
          }
          await checkNames(member, random);
        } finally {
          member.busy = false;
        }
      };

      /** What one member is told of another that rests meanwhile. */
      const checkNames = async (member: Member, random: () => number): Promise<void> => {
        const others = members.filter(({ busy }) => !busy);
        const other = others[Math.floor(random() * others.length)];
        if (!other) return;
        other.busy = true;
        try {
          const own = await addresses(other);
          const shared = [...member.networks].filter((number) => other.networks.has(number));
          const found = await lookUp(member, other.name);
          if (shared.length === 0) expect(found, `${member.name} asks for ${other.name}, a stranger`).toEqual([]);
          else
            expect(Object.values(own), `${member.name} asks for ${other.name}`).toEqual(expect.arrayContaining(found));
          if (shared.length > 0) expect(found).not.toEqual([]);
        } finally {
          other.busy = false;
        }
      };

      test(
        `for ${SECONDS} s (seed ${SEED}) names are right, and the kernel has what the records say`,
        async () => {
          const random = randomOf(SEED);
          const end = Date.now() + SECONDS * 1000;
          let steps = 0;
          while (Date.now() < end) {
            await Promise.all(Array.from({ length: LANES }, () => step(random)));
            steps += LANES;
            if (steps % 400 === 0) {
              await punnet.killDaemon();
              await cli(['version']);
            }
          }
          await punnet.killDaemon();
          await cli(['version']);
          const endpoints = members.reduce((sum, { networks }) => sum + networks.size, 0);
          expect(await kernel(punnet)).toEqual({
            ports: endpoints,
            bridges: NETWORKS,
            macs: endpoints,
            addresses: endpoints,
          });
          for (const member of members) await checkNames(member, random);
          process.stderr.write(`soak of networks: ${steps} steps, ${endpoints} endpoints, seed ${SEED}\n`);
        },
        (SECONDS + 300) * 1000,
      );

      test('when all is removed, no device, rule, address or descriptor is left', async () => {
        await inParallel(members, LANES, ({ name }) => cli(['rm', '-f', name]));
        await cli(['network', 'prune', '-f']);
        const pid = punnet.daemonPid();
        await until('the kernel has let go', async () => {
          expect(await kernel(punnet)).toEqual({ ports: 0, bridges: 0, macs: 0, addresses: 0 });
          return true;
        });
        const sockets = readdirSync(`/proc/${pid}/fd`).length;
        // Listening sockets, netlink, logs: as many with one container as after three hundred.
        expect(sockets).toBeLessThan(64);
      }, 300_000);
    },
  );

/** What is in the rootless network namespace: devices, and elements of the sets of nftables. */
async function kernel(punnet: Punnet): Promise<Record<'ports' | 'bridges' | 'macs' | 'addresses', number>> {
  const path = `/proc/${punnet.daemonPid()}/root${punnet.run}/network/namespace`;
  if (!existsSync(path)) throw new Error(`${path} is not there`);
  const inside = async (...command: string[]) => (await mustRun('nsenter', [`--net=${path}`, '--', ...command])).stdout;
  const links = (await inside('ip', '-o', 'link')).split('\n').map((line) => line.split(': ')[1] ?? '');
  const { nftables } = JSON.parse(await inside('nft', '-j', 'list', 'table', 'bridge', 'punnet')) as {
    nftables: { set?: { name: string; elem?: unknown[] } }[];
  };
  const elements = (name: string) => nftables.find(({ set }) => set?.name === name)?.set?.elem?.length ?? 0;
  return {
    ports: links.filter((name) => name.startsWith('veth')).length,
    bridges: links.filter((name) => name.startsWith('br-')).length,
    macs: elements('mac'),
    addresses: elements('ip'),
  };
}
