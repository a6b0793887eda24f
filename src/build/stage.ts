// One stage on its way: its state, its place in the cache, and what its steps share. Types, and the error of a program.

import type { Digest } from '../base/digest.ts';
import { PunnetError } from '../base/errors.ts';
import type { StageArgs } from './build-args.ts';
import type { Ingredients } from './cache.ts';
import type { LayerBlob, Workspace } from './host.ts';
import type { ImageState } from './image-state.ts';
import type { SourceTree } from './files/sources.ts';
import type { BuildRequest } from './request.ts';

export interface StageResult {
  state: ImageState;
  /** key of its last step, or of its base: what the cache knows it by */
  key: Digest;
  /** of the last step; undefined: nothing was done to the base */
  created: string | undefined;
  /** id of the base when nothing was done to it */
  baseId: Digest | undefined;
}

/** What the steps of a stage work with. */
export interface StageWork {
  request: BuildRequest;
  state: ImageState;
  args: StageArgs;
  escape: string;
  /** aborted when the client leaves, or when another stage failed */
  signal: AbortSignal;
  /** The files that `--from` names: a stage before this one, or an image. To be closed by the caller. */
  open(from: string): Promise<OpenSource>;
  /** The client's files. @throws invalidArgument when there are none */
  context(): OpenSource;
  /** SOURCE_DATE_EPOCH: no time in the image is later, so that two builds give one digest. Milliseconds */
  latest: number | undefined;
  /** directories of a stack of layers, top first */
  directories(layers: LayerBlob[]): string[];
  workspace(layers: LayerBlob[]): Promise<Workspace>;
  /** a new directory that lives as long as the build */
  scratch(): string;
  /** path of a new file in the runtime directory, which is not on disk */
  secretFile(): string;
}

export interface OpenSource extends SourceTree {
  /** what the cache knows these files by, when it is not their content */
  key?: Digest;
  close(): void;
}

/** A step that may make a layer: what its result depends on, and how to make it. */
export interface LayerStep {
  /** the line of the image's history */
  createdBy: string;
  ingredients: Ingredients;
  files?: Record<string, Digest>;
  /** its result does not depend on the step before: COPY --link */
  alone?: boolean;
  make(): Promise<LayerBlob | undefined>;
  /** Frees what was opened. Always called. */
  close?(): Promise<void> | void;
}

/** The program of a RUN ended with another code than 0. */
export class ProgramFailure extends PunnetError {
  readonly exitCode: number;

  constructor(command: string[], exitCode: number) {
    super('invalidArgument', `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}
