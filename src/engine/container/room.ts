// What the verbs of containers share, and what they need of the rooms beside them, declared here by the consumer.
// Runs in the daemon. Types, and one function that publishes.

import type { ExplainedOp } from '../../base/explained-op.ts';
import type { Digest } from '../../base/digest.ts';
import type { ImageConfig } from '../../base/oci-image.ts';
import type { Mount } from '../../base/mount.ts';
import type { Change } from '../../snapshot/changes.ts';
import type { RootThreads } from '../../snapshot/root-threads.ts';
import type { CgroupLimits } from '../../runtime/cgroup.ts';
import type { Volumes } from '../volume/volumes.ts';
import type { CommitOptions } from '../../api/backend.ts';
import type { Committed } from '../image/commit.ts';
import type { EventBus } from '../events.ts';
import type { ExecPlanner } from '../exec/planner.ts';
import type { ExecStore } from '../exec/store.ts';
import type { NetworkRoom } from '../network/room.ts';
import type { Container } from './container.ts';
import type { ContainerGroups } from './groups.ts';
import type { HealthChecks } from './health.ts';
import type { ContainerRecord } from './record.ts';
import type { SpareShim } from './spare-shim.ts';
import type { ContainerDirectories } from './directories.ts';
import type { ContainerStore } from './store.ts';

export interface ResolvedImage {
  id: Digest;
  config: ImageConfig;
  /** bottom first */
  diffIDs: Digest[];
}

export interface ImageSource {
  /** Finds a local image by name or id. @throws notFound with Docker's text */
  resolve(reference: string, platform?: string): ResolvedImage | Promise<ResolvedImage>;
}

export interface Snapshots {
  /** Makes the writable layer `key` over the layers (bottom first). */
  prepare(key: string, diffIDs: Digest[]): void | Promise<void>;
  /** Removes the writable layer, and what of its layers no image has any more; no error when there is none. */
  remove(key: string, diffIDs: Digest[]): Promise<void>;
  /** Throws a directory away: at once out of sight if it lies in the data directory, freed by the next `remove`. @throws the errno of rename(2) */
  discard(path: string): void;
  /** How to mount the root of a container that does not run. @throws notFound */
  mount(key: string): Mount;
  /** What the container changed. @throws notFound */
  changes(key: string): Promise<Change[]>;
  /** Directories of the container's image, top first. @throws notFound */
  layers(key: string): string[];
  /** A file of the container as it would start, links followed; undefined when there is none. @throws invalidArgument: larger */
  readFile(key: string, path: string, maxBytes: number): Buffer | undefined;
  /** Bytes in the writable layer, and in the image's layers. */
  usage(key: string, diffIDs: Digest[]): { writable: number; image: number };
}

export interface Prepared {
  /** bytes of encodePlan */
  plan: Uint8Array;
  /** the op at an index, to explain a failure */
  op(index: number): { op: string; [field: string]: unknown };
  /** whether one of these paths of the container is a file; binds are not looked at */
  isThere(paths: string[]): boolean;
  /** The shim's report in words; `pid` is init's. */
  explain(report: string, pid: number): ExplainedOp[];
}

/** The network namespace of a process, and the directory of its container, which has the files that describe it. */
export interface JoinedNetwork {
  pid: number;
  directory: string;
}

export interface Launcher {
  /**
   * HostConfig and image → plan. Makes the container's cgroup. `joins`: the container whose network it shares.
   * @throws PunnetError with Docker's texts
   */
  prepare(record: ContainerRecord, directory: string, joins?: JoinedNetwork): Prepared | Promise<Prepared>;
  /** Which limits this host can apply; the others are warned of, with Docker's texts. */
  limits(): CgroupLimits;
  /** After the exit: whether the OOM killer was at work in the container; removes its cgroup. */
  finish(record: ContainerRecord): Promise<{ oomKilled: boolean }>;
}

export interface Room {
  /** holds a directory per container */
  directory: string;
  directories: ContainerDirectories;
  volumes: Volumes;
  /** Makes an image of what a container changed; its id. */
  commit(container: Committed, options: CommitOptions): Promise<Digest>;
  /** holds a directory per container: see runtime-directory.ts */
  runtimeDirectory: string;
  shims: SpareShim;
  store: ContainerStore;
  images: ImageSource;
  snapshots: Snapshots;
  /** who reads and writes the files of containers */
  roots: RootThreads;
  launcher: Launcher;
  groups: ContainerGroups;
  health: HealthChecks;
  execs: ExecStore;
  execPlanner: ExecPlanner;
  networks: NetworkRoom;
  events: EventBus;
  /** what recovery found and could not mend, and what was lost since */
  problems: string[];
  /** one line for the daemon's log */
  log(line: string): void;
  publish(container: Container, action: string, attributes?: Record<string, string>): void;
}

/** Publishes an event of a container with Docker's attributes: its labels, image and name. */
export function publishContainerEvent(
  events: EventBus,
  container: Container,
  action: string,
  attributes: Record<string, string> = {},
): void {
  const { config, name, id } = container.record;
  events.publish('container', action, {
    ID: id,
    Attributes: { ...(config.Labels ?? {}), ...attributes, image: config.Image ?? '', name },
  });
}
