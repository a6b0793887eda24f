// What a container's cgroup cannot be given of what config.json asks for: said, never dropped in silence; and the filter of its
// devices. Runs in punnet-runc, on the container's directory of the cgroup v2 tree. cgroup-v2.rst, bpf(2)

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, internal, messageOf } from '../base/errors.ts';
import type { SpecResources } from '../base/oci-runtime.ts';
import { bpfProgAttach, bpfProgLoad } from '../native/addon.ts';
import * as k from '../native/constants.ts';
import type { V1Cgroup } from './cgroup-v1.ts';
import { cgroupValues } from './cgroup-values.ts';
import { deviceProgram, deviceState } from './device-filter.ts';

/**
 * A sentence for each limit that this cgroup has no file for.
 * @param directory absolute; undefined: the container has no cgroup of its own
 * @param v1 what it has beside that; limits of those controllers are no concern of the v2 tree
 */
export function missingLimits(directory: string | undefined, resources: SpecResources, v1: V1Cgroup = {}): string[] {
  const why = directory === undefined ? 'the container has no cgroup of its own' : `${directory} has no such file`;
  const there = (file: string) => directory !== undefined && existsSync(join(directory, file));
  const missing = cgroupValues(resources)
    .filter(({ controller }) => v1[controller === 'io' ? 'blkio' : (controller ?? '')] === undefined)
    .filter(({ file, instead }) => !there(file) && !(instead && there(instead.file)))
    .map((limit) => limit.instead ?? limit)
    .map(({ file, value }) => `limit ${file} = ${value} is not set: ${why}`);
  return [...missing, ...withoutMeaning(resources, v1)];
}

/* What only cgroup v1 knew; runc leaves it out on v2 as well, without a word. */
function withoutMeaning(resources: SpecResources, v1: V1Cgroup): string[] {
  const { memory = {}, cpu = {}, blockIO = {}, network = {} } = resources;
  const asked: Record<string, unknown> = {
    'memory.kernel': memory.kernel,
    'memory.kernelTCP': memory.kernelTCP,
    ...(v1.memory
      ? {}
      : { 'memory.swappiness': memory.swappiness, 'memory.disableOOMKiller': memory.disableOOMKiller }),
    ...(v1.cpu ? {} : { 'cpu.realtimeRuntime': cpu.realtimeRuntime, 'cpu.realtimePeriod': cpu.realtimePeriod }),
    ...(v1.blkio ? {} : { 'blockIO.leafWeight': blockIO.leafWeight }),
    ...(v1.net_cls ? {} : { 'network.classID': network.classID }),
    ...(v1.net_prio ? {} : { 'network.priorities': network.priorities?.length }),
  };
  return Object.entries(asked)
    .filter(([, value]) => value)
    .map(([name]) => `linux.resources.${name} is not set: this host's cgroups have nothing like it`);
}

/**
 * Attaches the program that judges the use of devices: also without a rule, when only what every container has is allowed.
 * @param excused who may not (in a user namespace, or unprivileged): nothing is attached then, as with runc, since the host's
 * devices are out of their reach already
 * @throws internal with the errno of bpf(2)
 */
export function attachDeviceFilter(directory: string, resources: SpecResources, excused: boolean): void {
  const program = deviceProgram(deviceState(resources.devices ?? []));
  const target = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  let filter: number | undefined;
  try {
    filter = bpfProgLoad(k.BPF_PROG_TYPE_CGROUP_DEVICE, program);
    bpfProgAttach(target, filter, k.BPF_CGROUP_DEVICE, k.BPF_F_ALLOW_MULTI);
  } catch (error) {
    if (excused && (errnoOf(error) === 'EPERM' || errnoOf(error) === 'EACCES')) return;
    // A kernel without it, and nobody asked.
    if (!resources.devices?.length && (errnoOf(error) === 'ENOSYS' || errnoOf(error) === 'EINVAL')) return;
    throw internal(`cannot filter the devices of ${directory}: ${messageOf(error)}`, { cause: error });
  } finally {
    closeSync(target);
    if (filter !== undefined) closeSync(filter);
  }
}
