// Boots Debian's User Mode Linux over this machine's own root (hostfs) with a pure cgroup v2 tree, runs a program of the
// project in it, and collects what it prints. Needs no privileges; the guest's root is the user who started it.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { PROJECT } from '../support/need.ts';
import { run } from '../support/process.ts';

/** The guest's process 1. Storage is on tmpfs, because hostfs cannot be the upper part of an overlay. */
const init = (command: string, native: string) => `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PUNNET_NATIVE=${native}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run && mkdir /run/tmp
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
busybox insmod /usr/lib/uml/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko
# Kernel threads must stay in the root cgroup, and only this shell need leave it.
mkdir /sys/fs/cgroup/init /sys/fs/cgroup/punnet
echo $$ > /sys/fs/cgroup/init/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$controller > /sys/fs/cgroup/cgroup.subtree_control; done
export PUNNET_CGROUP=/sys/fs/cgroup/punnet
${command}
echo o > /proc/sysrq-trigger
sleep 100
`;

export interface UmlOptions {
  /** a module of the tests that is bundled and run by the guest's node */
  entry: string;
  /** more variables for it */
  env?: Record<string, string>;
  /** megabytes */
  memory?: number;
  /** milliseconds after which a guest that hangs is killed */
  timeout?: number;
}

/** Everything that the guest printed, kernel messages too. */
export async function runInUml({ entry, env = {}, memory = 1500, timeout = 240_000 }: UmlOptions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'punnet-uml-'));
  try {
    chmodSync(directory, 0o755);
    const program = join(directory, 'program.mjs');
    await build({
      entryPoints: [entry],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    const script = join(directory, 'init');
    const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    const command = ['TMPDIR=/run/tmp', ...variables, process.execPath, program].join(' ');
    writeFileSync(script, init(command, join(PROJECT, 'build/Release')));
    chmodSync(script, 0o755);
    const kernel = [`mem=${memory}M`, 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${script}`];
    const consoles = ['con=null', 'con0=fd:0,fd:1', 'quiet'];
    const outcome = await run('linux.uml', [...kernel, ...consoles], { stdin: '', timeout, cwd: directory });
    return outcome.stdout + outcome.stderr;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
