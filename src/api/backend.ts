// What the API needs of the engine, declared by the consumer. Routes call these and translate; engine implements them and
// knows nothing of HTTP. Methods return Engine API bodies; failures are PunnetErrors with Docker's texts.

import type { BuildEvent } from '../base/build-event.ts';
import type { ExplainedOp } from '../base/explained-op.ts';
import type { Duplex, Readable, Writable } from 'node:stream';
import type {
  AuthConfig,
  ContainerConfigBody,
  CreateBody,
  ExecBody,
  ExecStartBody,
  FileStatBody,
  Filters,
  HostConfigBody,
  NetworkCreateBody,
  ProgressLine,
  UpdateBody,
  VolumeCreateBody,
} from './types.ts';

export interface SystemBackend {
  version(): Promise<object>;
  info(): Promise<object>;
  /** Calls `emit` for past events since `since`, then for live ones until `until` (both milliseconds since the epoch) or abort. */
  events(options: {
    since?: number;
    until?: number;
    filters: Filters;
    signal: AbortSignal;
    emit(event: object): void;
  }): Promise<void>;
  diskUsage(): Promise<object>;
  /** Checks every blob, layer and record; one line per finding. */
  check(): Promise<{ Problems: string[]; Checked: Record<string, number> }>;
}

export interface ImageBackend {
  /** @param reference as the user wrote it: `busybox`, `ghcr.io/a/b:c`, `x@sha256:…` */
  pull(
    reference: string,
    options: { platform?: string; auth?: AuthConfig; signal: AbortSignal; progress(line: ProgressLine): void },
  ): Promise<void>;
  /** Without a tag all tags of the repository. */
  push(
    repository: string,
    options: {
      tag?: string;
      platform?: string;
      auth?: AuthConfig;
      signal: AbortSignal;
      progress(line: ProgressLine): void;
    },
  ): Promise<void>;
  /** What a registry has under a name. */
  inspectRemote(reference: string, options: { auth?: AuthConfig; signal: AbortSignal }): Promise<object>;
  /** @throws unauthorized when the registry does not take the credentials */
  login(auth: AuthConfig, signal: AbortSignal): Promise<object>;
  search(term: string, options: { limit?: number; filters: Filters; signal: AbortSignal }): Promise<object[]>;
  list(options: { all: boolean; digests: boolean; filters: Filters }): Promise<object[]>;
  inspect(reference: string): Promise<object>;
  remove(
    reference: string,
    options: { force: boolean; prune: boolean },
  ): Promise<{ Untagged?: string; Deleted?: string }[]>;
  tag(source: string, target: { repo: string; tag?: string }): Promise<void>;
  history(reference: string): Promise<object[]>;
  prune(filters: Filters): Promise<object>;
  /** Sends an archive of images to what `open` gives, which is called once all of them were found. */
  save(names: string[], options: { platform?: string; signal: AbortSignal; open(): Writable }): Promise<void>;
  /** Takes the images of an archive. `quiet`: without progress. */
  load(options: {
    quiet: boolean;
    platform?: string;
    body: AsyncIterable<Uint8Array>;
    signal: AbortSignal;
    progress(line: ProgressLine): void;
  }): Promise<void>;
  /** Makes an image of an archive; resolves to its id. */
  import(options: ImportOptions): Promise<string>;
}

export interface ImportOptions {
  /** for the history: `-`, or where the archive came from */
  source: string;
  repo?: string;
  tag?: string;
  /** Dockerfile instructions */
  changes: string[];
  message?: string;
  platform?: string;
  body: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}

export interface CommitOptions {
  repo?: string;
  tag?: string;
  author?: string;
  comment?: string;
  changes: string[];
  /** replaces what it says of the container's configuration */
  config: ContainerConfigBody;
}

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** replay the log first */
  logs: boolean;
  stream: boolean;
  /** raw bytes, `ctrl-p,ctrl-q` decoded; empty: none */
  detachKeys: string | undefined;
}

export interface LogOptions {
  follow: boolean;
  stdout: boolean;
  stderr: boolean;
  /** lines from the end; undefined: all */
  tail?: number;
  timestamps: boolean;
  /** attributes before each line */
  details: boolean;
  /** milliseconds since the epoch */
  since?: number;
  until?: number;
  signal: AbortSignal;
}

export interface ContainerBackend {
  create(body: CreateBody, options: { name?: string; platform?: string }): Promise<{ Id: string; Warnings: string[] }>;
  /** `explain`: resolves to the ops that ran, which no client of Docker asks for. */
  start(id: string, options: { detachKeys?: string; explain?: boolean }): Promise<ExplainedOp[] | undefined>;
  stop(id: string, options: { signal?: string; timeout?: number }): Promise<void>;
  restart(id: string, options: { signal?: string; timeout?: number }): Promise<void>;
  kill(id: string, signal: string): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  /** @param options of ps(1) */
  top(id: string, options: string): Promise<object>;
  /** `ready` is called once the container was found; `emit` for each sample. Resolves when no more come. */
  stats(
    id: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal; ready(): void; emit(stats: object): void },
  ): Promise<void>;
  update(id: string, body: UpdateBody): Promise<{ Warnings: string[] }>;
  prune(filters: Filters): Promise<object>;
  remove(id: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  resize(id: string, size: { rows: number; columns: number }): Promise<void>;
  inspect(id: string, options: { size: boolean }): Promise<object>;
  list(options: { all: boolean; limit?: number; size: boolean; filters: Filters }): Promise<object[]>;
  /** Resolves at the condition; `ready` is called once the waiter is registered, so that headers can be sent. */
  wait(
    id: string,
    options: { condition: 'not-running' | 'next-exit' | 'removed'; signal: AbortSignal; ready(): void },
  ): Promise<{ StatusCode: number; Error?: { Message: string } }>;
  /** Whether output is one raw stream (tty) or multiplexed frames. */
  isTty(id: string): Promise<boolean>;
  /** Checks first (404, 409), then calls `open` to take over the connection, then joins it to the container until it ends. */
  attach(id: string, options: AttachOptions, open: () => Duplex): Promise<void>;
  /** Writes frames (or raw bytes for a tty) to `sink` with back-pressure. */
  logs(id: string, options: LogOptions, sink: NodeJS.WritableStream): Promise<void>;
  /** @throws notFound for the path, too */
  statFile(id: string, path: string): Promise<FileStatBody>;
  /** Sends a tar archive of the path to what `open` gives, which is called once the path was found. */
  archive(
    id: string,
    path: string,
    options: { open(stat: FileStatBody): Writable; signal: AbortSignal },
  ): Promise<void>;
  /** Extracts a tar archive into the directory. */
  extract(
    id: string,
    path: string,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean; body: Readable; signal: AbortSignal },
  ): Promise<void>;
  /** Sends the whole root as a tar archive. */
  export(id: string, options: { open(): Writable; signal: AbortSignal }): Promise<void>;
  diff(id: string): Promise<object[] | null>;
  /** Makes an image of what the container changed; resolves to its id. */
  commit(id: string, options: CommitOptions): Promise<string>;
}

export interface ExecStartOptions {
  body: ExecStartBody;
  /** takes over the connection of a client that is to be attached */
  open(): Duplex;
}

export interface ExecBackend {
  /** @param options.detachKeys raw bytes */
  create(container: string, body: ExecBody, options: { detachKeys: string | undefined }): Promise<{ Id: string }>;
  /** Detached: resolves when it runs. Attached: checks (404, 409), calls `open`, resolves when it has ended or the client left. */
  start(id: string, options: ExecStartOptions): Promise<void>;
  inspect(id: string): Promise<object>;
  resize(id: string, size: { rows: number; columns: number }): Promise<void>;
}

export interface NetworkBackend {
  create(body: NetworkCreateBody): Promise<{ Id: string; Warning: string }>;
  list(filters: Filters): Promise<object[]>;
  /** @param id name, id or the beginning of an id */
  inspect(id: string): Promise<object>;
  remove(id: string): Promise<void>;
  prune(filters: Filters): Promise<object>;
  /** `endpoint`: EndpointSettings, as far as they are an input */
  connect(id: string, options: { container: string; endpoint: object }): Promise<void>;
  disconnect(id: string, options: { container: string }): Promise<void>;
}

export interface BuildOptions {
  /** path of the Dockerfile in the context */
  dockerfile: string;
  /** URL of a repository, an archive or a Dockerfile; undefined: the body is the context */
  remote: string | undefined;
  /** `repository[:tag]` */
  names: string[];
  args: Record<string, string>;
  target: string | undefined;
  platform: string | undefined;
  labels: Record<string, string>;
  /** true, or names of stages */
  noCache: boolean | string[];
  pull: boolean;
  network: string;
  /** HostConfig fields of the containers that run steps */
  limits: Pick<HostConfigBody, 'Memory' | 'MemorySwap' | 'CpuShares' | 'CpuPeriod' | 'CpuQuota'> &
    Pick<HostConfigBody, 'CpusetCpus' | 'CpusetMems' | 'CgroupParent' | 'ShmSize'> & {
      Ulimits?: { Name: string; Soft: number; Hard: number }[];
      ExtraHosts?: string[];
      SecurityOpt?: string[];
    };
  /** what keepSecrets answered */
  secrets: string | undefined;
  /** id → path of an agent's socket */
  ssh: Record<string, string>;
  credentials: Record<string, AuthConfig>;
}

export interface BuildStream {
  body: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  emit(event: BuildEvent): void;
}

export interface BuildBackend {
  build(options: BuildOptions, stream: BuildStream): Promise<{ Id: string }>;
  /** Keeps secrets (name → base64) in memory for the next build. No client of Docker asks for this. */
  keepSecrets(secrets: Record<string, string>): { Id: string };
  /** `unusedFor`: milliseconds; `keepStorage`: bytes */
  prune(options: { all: boolean; unusedFor: number; keepStorage: number | undefined }): Promise<object>;
}

export interface VolumeBackend {
  create(body: VolumeCreateBody): Promise<object>;
  inspect(name: string): Promise<object>;
  list(filters: Filters): Promise<object>;
  remove(name: string, options: { force: boolean }): Promise<void>;
  /** `all`: named volumes, too */
  prune(options: { filters: Filters; all: boolean }): Promise<object>;
}

export interface Backend {
  volumes: VolumeBackend;
  builds: BuildBackend;
  system: SystemBackend;
  images: ImageBackend;
  containers: ContainerBackend;
  execs: ExecBackend;
  networks: NetworkBackend;
}
