// What a build tells while it goes on: made by src/build; the API turns it into the lines that Docker's classic builder sends,
// punnet's own command line reads it as it is. Types only.

import type { Digest } from './digest.ts';

export type BuildEvent =
  /** A step begins. */
  | { type: 'step'; step: number; total: number; text: string; stage: string; line: number }
  /** A line of the step's own, not of its program: `# Executing 1 build trigger` */
  | { type: 'note'; step: number; text: string }
  | { type: 'container'; step: number; id: string }
  | { type: 'output'; step: number; stream: 'stdout' | 'stderr'; text: string }
  /** Progress of a base image. */
  | { type: 'progress'; step: number; line: object }
  | {
      type: 'done';
      step: number;
      /** the image as it is after this step; undefined for what makes none: an ARG before FROM, `FROM scratch` */
      image?: Digest;
      cached: boolean;
      /** why nothing in the cache could be used */
      reason?: string;
      milliseconds: number;
      /** the container that ran it */
      container?: string;
    }
  /** A stage is complete. */
  | { type: 'stage'; step: number; image: Digest }
  | { type: 'warning'; text: string }
  /** The build ends here, with this. */
  | { type: 'failed'; failure: StepFailure; message: string; fix?: string }
  | { type: 'built'; image: Digest; names: string[] };

/** Where a step went wrong, for people. */
export interface StepFailure {
  step: number;
  total: number;
  text: string;
  /** lines of the Dockerfile, from 1 */
  start: number;
  end: number;
  /** the container's, for a RUN */
  exitCode?: number;
}
