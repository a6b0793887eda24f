// The way out of the rootless network namespace: pasta, else slirp4netns, one process for all networks, started when the
// first container needs it. Lives on when the daemon ends; the next daemon finds it by its pid and start time.
// Runs in the daemon; the program runs in the host's network namespace. pasta(1), slirp4netns(1)

import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readJson, writeJsonAtomic } from '../base/atomic-file.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import { isAlive, startTimeOf, type ProcessIdentity } from '../native/process-identity.ts';
import { namespacePath } from './namespace.ts';
import { UPLINK } from './rootless-network.ts';

/**
 * Bytes per packet on the uplink and, unless a network says otherwise, on every bridge. The uplink's programs copy packet by
 * packet, so that outbound traffic is as fast as packets are large: see docs/networking.md for the measurement.
 */
export const MTU = 65520;

/* Not an address of the host's: so that the host's own can be reached from inside, as any other. */
const ADDRESS = '10.0.2.100';
const GATEWAY = '10.0.2.2';

export interface UplinkOptions {
  /** the room's, below the runtime directory */
  directory: string;
  /** paths of programs to try, the best first: pasta or slirp4netns by name */
  programs: string[];
}

/** Makes sure that one runs. Resolves to undefined, or why there is none. */
export async function ensureUplink({ directory, programs }: UplinkOptions): Promise<string | undefined> {
  const state = join(directory, 'uplink.json');
  const known = readJson<ProcessIdentity>(state);
  if (known && isAlive(known)) return undefined;
  const failures: string[] = [];
  for (const program of programs) {
    try {
      const pid = await (basename(program) === 'pasta' ? startPasta : startSlirp)(program, directory);
      const startTime = startTimeOf(pid);
      if (startTime === undefined) throw new Error('ended at once');
      writeJsonAtomic(state, { pid, startTime, program });
      return undefined;
    } catch (error) {
      failures.push(`${program}: ${messageOf(error)}`);
    }
  }
  return failures.length === 0 ? 'neither pasta nor slirp4netns is installed' : failures.join('; ');
}

/** Ends it, if it runs. */
export function endUplink(directory: string): void {
  const state = join(directory, 'uplink.json');
  const known = readJson<ProcessIdentity>(state);
  try {
    if (known && isAlive(known)) process.kill(known.pid, 'SIGTERM');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
  rmSync(state, { force: true });
}

/** pasta goes into the background when the link is up. */
async function startPasta(program: string, directory: string): Promise<number> {
  const pidFile = join(directory, 'pasta.pid');
  const args = [
    ...['--netns-only', '--netns', namespacePath(directory), '--runas', '0:0', '--pid', pidFile, '--quiet'],
    ...['--config-net', '--ipv4-only', '--ns-ifname', UPLINK, '--mtu', String(MTU)],
    ...['--address', ADDRESS, '--netmask', '24', '--gateway', GATEWAY],
    // Neither the host's loopback device nor ports that nobody published: pasta would pass them by default.
    ...['--no-map-gw', '-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    ...['--dns', 'none', '--no-dhcp', '--no-dhcpv6', '--no-ndp', '--no-ra'],
  ];
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: {} });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) => {
      child.stderr.destroy();
      // pasta also complains of having no system log.
      const lines = said.split('\n').filter((line) => line !== '' && !/ to syslog$/.test(line));
      if (code === 0) resolve();
      else reject(new Error(lines.join(', ') || `exit code ${code}`));
    });
  });
  return Number(readFileSync(pidFile, 'utf8'));
}

/** slirp4netns stays in the foreground and writes to a descriptor when the link is up. */
async function startSlirp(program: string, directory: string): Promise<number> {
  const args = [
    ...['--configure', `--mtu=${MTU}`, '--disable-host-loopback', '--disable-dns', '--ready-fd=3'],
    ...['--netns-type=path', namespacePath(directory), UPLINK],
  ];
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'], detached: true, env: {} });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`exit code ${code}`)));
    child.stdio[3]!.once('data', () => {
      child.stdio[3]!.destroy();
      child.unref();
      resolve(child.pid!);
    });
  });
}
