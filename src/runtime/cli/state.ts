// punnet-runc state: the state of a container as JSON. runtime-spec runtime.md#state, with runc's further fields

import { readFileSync } from 'node:fs';
import type { Spec } from '../../base/oci-runtime.ts';
import type { Call } from './commands.ts';
import { say } from './say.ts';
import type { Settings } from './settings.ts';
import { statusOf, type Status } from './status.ts';
import { mustRead, readConfig, type ContainerRecord } from './store.ts';

export interface ContainerState {
  ociVersion: string;
  id: string;
  /** 0 when it has stopped */
  pid: number;
  status: Status;
  bundle: string;
  rootfs: string;
  created: string;
  annotations?: Record<string, string>;
  /** name of the user; empty for who has none */
  owner: string;
}

export function state({ settings, args: [id = ''] }: Call): number {
  say(1, `${JSON.stringify(stateOf(settings, mustRead(settings.root, id)), null, 2)}\n`);
  return 0;
}

export function stateOf(settings: Settings, record: ContainerRecord): ContainerState {
  const status = statusOf(settings.root, record);
  const { ociVersion, annotations }: Spec = readConfig(settings.root, record.id);
  const { id, bundle, rootfs, created } = record;
  const pid = status === 'stopped' ? 0 : record.init!.pid;
  return { ociVersion, id, pid, status, bundle, rootfs, created, ...(annotations ? { annotations } : {}), owner: '' };
}

/** The user's name on this host. */
export function ownerOf(uid: number): string {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.find((line) => line.split(':')[2] === String(uid))?.split(':')[0] ?? '';
}
