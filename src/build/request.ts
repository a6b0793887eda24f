// One build as it is asked for, and how it ends. Types, and the error that says where it went wrong.

import { PunnetError, type ErrorKind } from '../base/errors.ts';
import type { BuildPlatform } from './build-args.ts';
import type { BuildContext } from './context.ts';
import type { BuildEvent, StepFailure } from '../base/build-event.ts';
import type { RunLimits } from './host.ts';

export interface BuildRequest {
  dockerfile: string;
  /** undefined: the Dockerfile came alone */
  context: BuildContext | undefined;
  args: Record<string, string>;
  /** name or number of a stage */
  target: string | undefined;
  platform: BuildPlatform | undefined;
  labels: Record<string, string>;
  /** names of the stages whose steps run whatever the cache has; true: all */
  noCache: boolean | string[];
  /** ask the registries for base images that are here */
  pull: boolean;
  /** `none`, `host`, or empty for what containers get */
  network: string;
  limits: RunLimits;
  /** names for the image */
  names: string[];
  secrets: ReadonlyMap<string, Uint8Array>;
  /** of registries, by name */
  credentials: Readonly<Record<string, object>>;
  /** id → path of an agent's socket */
  ssh: ReadonlyMap<string, string>;
  signal: AbortSignal;
  emit(event: BuildEvent): void;
}

/** A step failed. The message is Docker's; the place is for people. */
export class BuildFailure extends PunnetError {
  readonly failure: StepFailure;

  constructor(kind: ErrorKind, message: string, details: { failure: StepFailure; cause?: unknown; fix?: string }) {
    super(kind, message, details);
    this.failure = details.failure;
  }
}
