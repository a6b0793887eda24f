// punnet-runc update: limits of a container that is there, from a file or from flags. Values are written as at its making.

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { conflict, invalidArgument, messageOf, PunnetError } from '../../base/errors.ts';
import type { SpecResources } from '../../base/oci-runtime.ts';
import { changeCgroup } from '../cgroup.ts';
import { missingLimits } from '../cgroup-limits.ts';
import { changeV1 } from '../cgroup-v1.ts';
import type { Call } from './commands.ts';
import type { Flags } from './flags.ts';
import { statusOf } from './status.ts';
import { hold, mustRead } from './store.ts';

export function update({ settings, flags, args: [id = ''] }: Call): number {
  const held = hold(settings.root, id);
  const record = mustRead(settings.root, id);
  if (statusOf(settings.root, record) === 'stopped') throw conflict('container not running');
  const file = flags.text('resources');
  const resources = file === undefined ? resourcesOf(flags) : readResources(file);
  if (record.cgroup === undefined) throw conflict('the container has no cgroup, so it has no limits');
  const { cgroupV1 = {} } = record;
  const [missing] = missingLimits(record.cgroup, resources, cgroupV1);
  if (missing !== undefined) throw new PunnetError('unavailable', missing);
  const parent = dirname(record.cgroup);
  const controllers = new Set(readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8').trim().split(' '));
  changeCgroup({ parent, controllers, reason: undefined }, { name: basename(record.cgroup), resources });
  const [absent] = changeV1(cgroupV1, resources);
  if (absent !== undefined) throw new PunnetError('unavailable', absent);
  held.release();
  return 0;
}

const REFUSED: Readonly<Record<string, string>> = {
  'cpu-rt-period': 'cgroup v2 has no realtime limits',
  'cpu-rt-runtime': 'cgroup v2 has no realtime limits',
  'kernel-memory': 'the kernel has no such limit any more',
  'kernel-memory-tcp': 'cgroup v2 has no such limit',
  'l3-cache-schema': 'Intel RDT is not supported',
  'mem-bw-schema': 'Intel RDT is not supported',
};

/** @throws invalidArgument for a flag that cannot be kept */
function resourcesOf(flags: Flags): SpecResources {
  for (const [name, why] of Object.entries(REFUSED)) {
    if (flags.text(name) !== undefined) throw invalidArgument(`--${name}: ${why}`);
  }
  const bytes = (name: string) => {
    const text = flags.text(name);
    if (text !== undefined && !/^-?\d+$/.test(text)) throw invalidArgument(`invalid value for ${name}: ${text}`);
    return text === undefined ? undefined : Number(text);
  };
  const pids = flags.number('pids-limit');
  return {
    memory: { limit: bytes('memory'), reservation: bytes('memory-reservation'), swap: bytes('memory-swap') },
    cpu: {
      shares: flags.number('cpu-share'),
      quota: flags.number('cpu-quota'),
      period: flags.number('cpu-period'),
      burst: flags.number('cpu-burst'),
      idle: flags.number('cpu-idle'),
      cpus: flags.text('cpuset-cpus'),
      mems: flags.text('cpuset-mems'),
    },
    blockIO: { weight: flags.number('blkio-weight') },
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
}

function readResources(path: string): SpecResources {
  try {
    return JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8')) as SpecResources;
  } catch (error) {
    throw invalidArgument(`${path}: ${messageOf(error)}`, { cause: error });
  }
}
