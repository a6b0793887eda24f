// What a build needs of the engine, declared here by its consumer: images, snapshots, and containers that run steps. The
// engine implements it (src/engine/build). Types only.

import type { Digest } from '../base/digest.ts';
import type { Descriptor, ImageConfig, ImageProcessConfig } from '../base/oci-image.ts';
import type { UpperWriter } from '../snapshot/upper-writer.ts';

/** A layer that is here: its blob, and the directory that its diffID names. */
export type LayerBlob = Descriptor & { diffID: Digest };

export interface BaseImage {
  id: Digest;
  config: ImageConfig;
  /** lowest first */
  layers: LayerBlob[];
}

/** Writable files on top of layers, until they are sealed into a layer or given up. */
export interface Workspace {
  /** A writer into it, to be closed before it is sealed; only while nothing runs on it. */
  writer(): UpperWriter;
  /** Makes its changes a layer; undefined when nothing was changed. `latest`: no file is later (milliseconds). */
  seal(options: { latest?: number }): Promise<LayerBlob | undefined>;
  /** Gives it up. No error when it is sealed already. */
  discard(): Promise<void>;
}

/** One mount of a RUN: `--mount=type=…`. */
export type StepMount =
  | { kind: 'directory' | 'file'; source: string; target: string; readOnly: boolean }
  | { kind: 'tmpfs'; target: string; size?: number; readOnly: boolean };

export interface RunRequest {
  layers: LayerBlob[];
  config: ImageProcessConfig;
  platform: { os: string; architecture: string };
  command: string[];
  /** `NAME=value`, beside the image's */
  environment: string[];
  mounts: StepMount[];
  network: string;
  /** all capabilities, nothing masked */
  insecure: boolean;
  limits: RunLimits;
  signal: AbortSignal;
  /** the container is there, and about to start */
  started(id: string): void;
  output(stream: 'stdout' | 'stderr', chunk: Buffer): void;
}

/** HostConfig fields of the containers that run steps, as the client sent them. */
export interface RunLimits {
  Memory?: number;
  MemorySwap?: number;
  CpuShares?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  CgroupParent?: string;
  ShmSize?: number;
  Ulimits?: { Name: string; Soft: number; Hard: number }[];
  ExtraHosts?: string[];
  SecurityOpt?: string[];
}

export interface ImageRequest {
  platform: string | undefined;
  /** ask the registry even when the image is here */
  pull: boolean;
  /** the client's, by the registry's name, as the client sent them */
  credentials: Readonly<Record<string, object>>;
  signal: AbortSignal;
  progress(line: object): void;
}

export interface BuildHost {
  platform(): { os: string; architecture: string; variant?: string };
  /** @throws PunnetError with Docker's texts when it is neither here nor to be had */
  image(reference: string, request: ImageRequest): Promise<BaseImage>;
  workspace(layers: LayerBlob[]): Promise<Workspace>;
  /** Directories of a stack of layers, top first. */
  directories(layers: LayerBlob[]): string[];
  /** whether a layer is here, blob and directory */
  has(layer: LayerBlob): boolean;
  run(request: RunRequest): Promise<{ exitCode: number; workspace: Workspace }>;
  /** Records an image, gives it names; returns its id. */
  save(config: ImageConfig, layers: LayerBlob[], names: string[]): Promise<Digest>;
  /** Gives an image names. */
  name(id: Digest, names: string[]): Promise<void>;
  /** Spares layers from collection until the function that it returns is called. */
  hold(layers: LayerBlob[]): () => Promise<void>;
}
