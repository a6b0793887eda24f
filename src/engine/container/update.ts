// `update`: other limits and another restart policy, for a container that runs at once. Runs in the daemon.
// moby: daemon/update.go, daemon/container/container_unix.go (UpdateContainer).

import { availableParallelism } from 'node:os';
import type { HostConfigBody, UpdateBody } from '../../api/types.ts';
import { invalidArgument, messageOf, PunnetError } from '../../base/errors.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { verifyRestartPolicy } from './verify.ts';
import { verifyResources } from './verify-resources.ts';

/** What can be changed; zero means "as it is". */
const FIELDS = [
  ...['BlkioWeight', 'CpuShares', 'CpuPeriod', 'CpuQuota', 'NanoCpus', 'CpusetCpus', 'CpusetMems'],
  ...['Memory', 'MemorySwap', 'MemoryReservation', 'PidsLimit', 'CpuRealtimePeriod', 'CpuRealtimeRuntime'],
] as const satisfies (keyof HostConfigBody)[];

/** @throws conflict, invalidArgument with Docker's texts; then nothing is changed */
export function update(room: Room, container: Container, body: UpdateBody): Promise<{ Warnings: string[] }> {
  return container.exclusive(async () => {
    const wanted = Object.fromEntries(
      FIELDS.map((field) => [field, (body as HostConfigBody)[field]]).filter(([, v]) => v),
    );
    const warnings = verifyResources(wanted, { limits: room.launcher.limits(), cpus: availableParallelism() });
    const before = container.record.hostConfig;
    try {
      if (container.state.status === 'removing' || container.state.status === 'dead') {
        throw new PunnetError('conflict', `container is marked for removal and cannot be "update"`);
      }
      const after = { ...before, ...changed(before, wanted as HostConfigBody) };
      const policy = body.RestartPolicy;
      if (policy?.Name) {
        if (before.AutoRemove === true && policy.Name !== 'no') {
          throw invalidArgument('Restart policy cannot be updated because AutoRemove is enabled for the container');
        }
        verifyRestartPolicy(policy.Name, policy.MaximumRetryCount ?? 0);
        after.RestartPolicy = { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount ?? 0 };
      }
      if (container.running && container.state.pid > 0) room.groups.update(container.id, after);
      container.record.hostConfig = after;
      container.saveRecord();
    } catch (error) {
      if (!(error instanceof PunnetError)) throw error;
      throw new PunnetError(error.kind, `Cannot update container ${container.id}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    room.publish(container, 'update');
    return { Warnings: warnings };
  });
}

/** @throws conflict where the new limits and those that stay do not go together */
function changed(before: HostConfigBody, wanted: HostConfigBody): Partial<HostConfigBody> {
  const refuse = (message: string) => new PunnetError('conflict', message);
  if (wanted.NanoCpus && (before.CpuPeriod || before.CpuQuota)) {
    const other = before.CpuPeriod ? 'CPU Period' : 'CPU Quota';
    throw refuse(`Conflicting options: Nano CPUs cannot be updated as ${other} has already been set`);
  }
  if ((wanted.CpuPeriod || wanted.CpuQuota) && before.NanoCpus) {
    const other = wanted.CpuPeriod ? 'CPU Period' : 'CPU Quota';
    throw refuse(`Conflicting options: ${other} cannot be updated as NanoCPUs has already been set`);
  }
  const { Memory: memory = 0, MemorySwap: swap = 0 } = wanted;
  const set = before.MemorySwap ?? 0;
  if (memory > 0 && swap === 0 && set > 0 && memory > set) {
    throw refuse(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null && value !== undefined));
}
