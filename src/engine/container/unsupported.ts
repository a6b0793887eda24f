// What a create request may ask for and punnet cannot do yet. It is refused by name: nothing that a client asked for is
// ever dropped in silence. Zero values pass. Runs in the daemon.

import type { ContainerConfigBody, HostConfigBody } from '../../api/types.ts';
import { notImplemented } from '../../base/errors.ts';

type Ask = { config: ContainerConfigBody; host: HostConfigBody };

/** Name of the field, how the user wrote it, and whether this request asks for it. */
const UNSUPPORTED: [field: string, flag: string, asked: (ask: Ask) => boolean][] = [
  ['HostConfig.IpcMode=container:', '--ipc container:', ({ host }) => isContainer(host.IpcMode)],
  ['HostConfig.PidMode=container:', '--pid container:', ({ host }) => isContainer(host.PidMode)],
  ['HostConfig.Cgroup', 'HostConfig.Cgroup', ({ host }) => (host.Cgroup ?? '') !== ''],
  ['HostConfig.CgroupParent', '--cgroup-parent', ({ host }) => (host.CgroupParent ?? '') !== ''],
  ['HostConfig.DeviceCgroupRules', '--device-cgroup-rule', ({ host }) => some(host.DeviceCgroupRules)],
  ['HostConfig.DeviceRequests', '--gpus', ({ host }) => some(host.DeviceRequests)],
  ['HostConfig.StorageOpt', '--storage-opt', ({ host }) => Object.keys(host.StorageOpt ?? {}).length > 0],
];

/** @throws notImplemented naming the field */
export function refuseUnsupported(config: ContainerConfigBody, host: HostConfigBody): void {
  for (const [field, flag, asked] of UNSUPPORTED) {
    if (asked({ config, host })) throw notImplemented(`${field} (${flag}) is not supported yet`);
  }
}

function some(list: unknown[] | null | undefined): boolean {
  return list !== null && list !== undefined && list.length > 0;
}

function isContainer(mode: string | undefined): boolean {
  return mode?.startsWith('container:') === true;
}
