// What a test needs of the machine. An unmet need skips the tests with its reason, which the closing lines repeat.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { which } from './process.ts';

export const PROJECT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');

/** Directory with real images and reference documents; it lies beside the project and may be absent. */
export const SHARED = process.env.PUNNET_TEST_SHARED ?? join(PROJECT, '../shared');

export const isRoot = process.getuid!() === 0;

const program =
  (name: string, packageName = name) =>
  () =>
    which(name) ? undefined : `${name} is not installed (apt-get install ${packageName})`;

/** Where plugins of the docker command line lie; PUNNET_TEST_CLI_PLUGINS names one more directory. */
const pluginDirectories = (): string[] => [
  ...(process.env.PUNNET_TEST_CLI_PLUGINS ? [process.env.PUNNET_TEST_CLI_PLUGINS] : []),
  ...['/usr/local/lib', '/usr/local/libexec', '/usr/lib', '/usr/libexec'].map((place) => `${place}/docker/cli-plugins`),
];

/** The program that `docker compose` (2) is, or undefined. */
export function composePlugin(): string | undefined {
  return pluginDirectories()
    .map((directory) => join(directory, 'docker-compose'))
    .find(existsSync);
}

const NEEDS = {
  root: () => (isRoot ? undefined : 'needs root'),
  shared: () => (existsSync(SHARED) ? undefined : `${SHARED} is absent (PUNNET_TEST_SHARED names another place)`),
  registry: program('docker-registry'),
  docker: () => (isRoot ? program('dockerd', 'docker.io')() : 'a dockerd of the tests needs root'),
  'docker-cli': program('docker', 'docker.io'),
  script: program('script', 'bsdutils'),
  skopeo: program('skopeo'),
  uml: program('linux.uml', 'user-mode-linux'),
  testcontainers: () =>
    existsSync(join(PROJECT, 'test/clients/testcontainers/node_modules/testcontainers'))
      ? undefined
      : 'testcontainers is not installed (test/setup, or npm ci --ignore-scripts in test/clients/testcontainers)',
  slirp4netns: program('slirp4netns'),
  nft: program('nft', 'nftables'),
  gcc: program('gcc'),
  strace: program('strace'),
  'docker-compose': program('docker-compose'),
  'compose-plugin': () =>
    composePlugin()
      ? undefined
      : `no docker-compose 2 in ${pluginDirectories().join(', ')} (or PUNNET_TEST_CLI_PLUGINS)`,
  /** `punnet` was built: programs and native parts */
  built: () => {
    const absent = [
      'dist/punnet.cjs',
      'dist/punnetd.cjs',
      'build/Release/punnet-shim',
      'build/Release/punnet.node',
    ].filter((path) => !existsSync(join(PROJECT, path)));
    return absent.length > 0 ? `not built: ${absent.join(', ')} (npm run build)` : undefined;
  },
  /** ranges of subordinate ids for the user of the tests */
  subids: () => {
    if (isRoot) return undefined;
    const { username, uid } = userInfo();
    for (const file of ['/etc/subuid', '/etc/subgid']) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      if (!lines.some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`)))
        return `${file} has no line for ${username}`;
    }
    return program('newuidmap', 'uidmap')();
  },
  /** a cgroup v2 hierarchy with the memory controller */
  'cgroup.memory': () => {
    const file = '/sys/fs/cgroup/cgroup.controllers';
    const controllers = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
    return controllers.includes('memory')
      ? undefined
      : 'no cgroup v2 memory controller here (tested inside User Mode Linux)';
  },
  /** every capability of the kernel, without which a real Docker cannot give them all to a container */
  'all-capabilities': () => {
    const mask = /CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
    const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    return BigInt(`0x${mask}`) === (1n << BigInt(last + 1)) - 1n
      ? undefined
      : 'root lacks capabilities on this machine';
  },
  'net.tun': () => {
    try {
      accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
      return undefined;
    } catch {
      return '/dev/net/tun is not readable and writable for this user';
    }
  },
} satisfies Record<string, () => string | undefined>;

export type Need = keyof typeof NEEDS;

/** The first reason why one of these needs is not met, or undefined when all are. */
export function need(...names: Need[]): string | undefined {
  for (const name of names) {
    const reason = NEEDS[name]();
    if (reason) return reason;
  }
  return undefined;
}
