// OCI runtimes and sandboxes that run `true` on one root filesystem of busybox-static: what a container costs without an engine.

import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, isRoot } from '../support/need.ts';
import { mustRun, which } from '../support/process.ts';
import { alternate, timeCommand, type Command, type Result } from './measure.ts';

const own = join(PROJECT, 'bin/punnet-runc');
const OWN = existsSync(own) ? own : undefined;

/** Medians of each that is installed; the others with the reason. */
export async function runtimes(scratch: string, times: number): Promise<Result[]> {
  const bundle = join(scratch, 'bundle');
  await makeBundle(bundle);
  const results: Result[] = [];
  const samples = [];
  let serial = 0;
  for (const [name, commandOf] of Object.entries(commands(bundle, scratch))) {
    const program = name === 'punnet-runc' ? OWN : which(name);
    if (program) samples.push({ name, measure: () => timeCommand({ ...commandOf(`b${serial++}`), program }) });
    else results.push({ name, reason: name === 'punnet-runc' ? 'not part of punnet yet' : 'not installed' });
  }
  return [...(await alternate(samples, times)), ...results];
}

function commands(bundle: string, scratch: string): Record<string, (id: string) => Omit<Command, 'program'>> {
  const state = join(scratch, 'runtime-state');
  const oci = (id: string) => ({ args: ['--root', state, 'run', '--bundle', bundle, id] });
  const rootfs = join(bundle, 'rootfs');
  return {
    'punnet-runc': oci,
    runc: oci,
    crun: oci,
    bwrap: () => ({ args: ['--bind', rootfs, '/', '--proc', '/proc', '--dev', '/dev', '--unshare-all', '/bin/true'] }),
    unshare: () => ({
      args: ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--root', rootfs, '/bin/true'],
    }),
  };
}

async function makeBundle(bundle: string): Promise<void> {
  const busybox = which('busybox');
  const runc = which('runc');
  if (!busybox) throw new Error('busybox is not installed (apt-get install busybox-static)');
  mkdirSync(join(bundle, 'rootfs/bin'), { recursive: true });
  for (const name of ['proc', 'sys', 'dev', 'etc']) mkdirSync(join(bundle, 'rootfs', name));
  copyFileSync(busybox, join(bundle, 'rootfs/bin/busybox'));
  symlinkSync('busybox', join(bundle, 'rootfs/bin/true'));
  if (!runc) return;
  await mustRun(runc, ['spec', ...(isRoot ? [] : ['--rootless']), '--bundle', bundle]);
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { process: { terminal: boolean; args: string[] } };
  config.process.terminal = false;
  config.process.args = ['/bin/true'];
  writeFileSync(path, JSON.stringify(config));
}
