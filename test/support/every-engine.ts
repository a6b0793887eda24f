// The same claims for every engine that test/verb/setup.ts has started. Runs in vitest's processes.

import { inject } from 'vitest';
import { claims } from './claims.ts';
import { Engine, type EngineSpec } from './engine.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    engines: EngineSpec[];
    /** `127.0.0.1:port` of the registry that has busybox, alpine and the images of test/verb/images.ts; empty when there is none */
    registry: string;
  }
}

/** The engines of this run, those that cannot run here included: their suites are skipped with the reason. */
export function engines(): Engine[] {
  return inject('engines').map((spec) => new Engine(spec));
}

/** A suite for each engine of this run: the same claims, judged by the same assertions. */
export function onEveryEngine(title: string, body: (engine: Engine) => void): void {
  for (const engine of engines()) claims(`${title}: ${engine.label}`, engine.spec.skip, () => body(engine));
}
