// Runs the checks: all of them for `punnetd doctor`, the deciding ones before the daemon starts for the first time, so that
// nothing is pulled onto a host that cannot run it. Runs in the launcher, outside the namespaces, as the user.

import { release } from 'node:os';
import { messageOf, unavailable } from '../../base/errors.ts';
import type { Locations } from '../../base/locations.ts';
import { thisAccount } from '../account.ts';
import { cgroups } from './cgroup.ts';
import type { Check, Host, Probe } from './check.ts';
import { linger, ping, ports, tun, uplink } from './session.ts';
import { kernel, native, node, seccomp } from './software.ts';
import { dataDirectory, diskSpace, overlay, runtimeDirectory } from './storage.ts';
import { idMapPrograms, subordinateRange, userNamespaces } from './user-namespace.ts';

/** In the order of cause and effect: what fails first explains what fails after it. */
const DECIDING: Probe[] = [
  node,
  kernel,
  native,
  userNamespaces,
  subordinateRange,
  idMapPrograms,
  runtimeDirectory,
  dataDirectory,
  diskSpace,
  overlay,
];
const ALL: Probe[] = [...DECIDING, seccomp, cgroups, tun, uplink, ping, ports, linger];

/** This machine, this user, this process. */
export function thisHost(locations: Locations): Host {
  return {
    root: '/',
    account: thisAccount(),
    env: process.env,
    locations,
    kernel: release(),
    node: process.versions.node,
  };
}

/** Every check, in order. A check that itself fails counts as a warning with its error. */
export async function examine(host: Host): Promise<Check[]> {
  const checks: Check[] = [];
  for (const probe of ALL) {
    try {
      checks.push(await probe(host));
    } catch (error) {
      checks.push({ name: probe.name, status: 'warn', detail: `could not be checked: ${messageOf(error)}` });
    }
  }
  return checks;
}

/** @throws unavailable for the first check that fails, with its mending command */
export async function preflight(host: Host): Promise<void> {
  for (const probe of DECIDING) {
    const check = await probe(host);
    if (check.status === 'fail') throw unavailable(`${check.name}: ${check.detail}`, { fix: check.fix });
  }
}

/** The table that `punnetd doctor` prints. */
export function report(checks: Check[], host: Host, colour: boolean): string {
  const paint = { ok: 32, warn: 33, fail: 31 };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, detail, breaks, fix }) => {
    const shown = status.padEnd(4);
    const indent = ' '.repeat(6);
    return [
      `${colour ? `\x1b[${paint[status]}m${shown}\x1b[0m` : shown}  ${name.padEnd(width)}  ${detail}`,
      ...(breaks ? [`${indent}breaks: ${breaks}`] : []),
      ...(fix ? fix.split('\n').map((line, index) => `${indent}${index === 0 ? 'fix:    ' : '        '}${line}`) : []),
    ];
  });
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  const { account } = host;
  const who = `${account.name ?? 'an account without a name'} (uid ${account.uid})`;
  return [
    `punnet on Linux ${host.kernel} for ${who}`,
    '',
    ...lines,
    '',
    `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail`,
    '',
  ].join('\n');
}
