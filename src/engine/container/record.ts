// What is known of one container: what was asked for, and what became of it. Types; record-file.ts has them on disk.

import type { ContainerConfigBody, HostConfigBody } from '../../api/types.ts';
import type { HealthState } from './health-state.ts';
import type { Digest } from '../../base/digest.ts';
import type { NetworkState } from '../network/record.ts';

/** A mount as `inspect` shows it. */
export interface MountPoint {
  Type: 'bind' | 'volume' | 'tmpfs';
  /** volume name; only for volumes */
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

export interface ContainerRecord {
  /** 64 hex digits */
  id: string;
  /** without the leading slash */
  name: string;
  /** RFC 3339 with nanoseconds, UTC */
  created: string;
  path: string;
  args: string[];
  /** as the client sent it, merged with the image's */
  config: ContainerConfigBody;
  /** complete: every field has its default */
  hostConfig: HostConfigBody;
  imageId: Digest;
  /** layers of the image, bottom first */
  diffIDs: Digest[];
  platform: string;
  mounts: MountPoint[];
  /** names of volumes that belong to this container alone */
  anonymousVolumes: string[];
  /** the networks that it is connected to, by name, each with what the client wishes of it (EndpointSettings) */
  endpoints: Record<string, object | null>;
}

export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';

export interface ContainerState {
  status: Status;
  /** init's pid as the daemon sees it; 0 when not running */
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  /** why the last start failed */
  error: string;
  startedAt: string;
  finishedAt: string;
  restartCount: number;
  /** what it has of networks while it runs */
  network?: NetworkState;
  /** only of a container that has a health check */
  health?: HealthState;
  /** a client asked it to end, so a restart policy leaves it alone */
  manuallyStopped: boolean;
}

/** How Go prints a time that never was. */
export const NEVER = '0001-01-01T00:00:00Z';

export function newState(): ContainerState {
  return {
    status: 'created',
    pid: 0,
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt: NEVER,
    finishedAt: NEVER,
    restartCount: 0,
    manuallyStopped: false,
  };
}
