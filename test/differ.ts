// Every accepted difference between punnet and Docker that a verb test knows of, with its reason. A test asks `differs(engine, id)`
// and then asserts what punnet does instead; an id that no test asks for fails test/differ.test.ts.

import type { Engine } from './support/engine.ts';

export const DIFFERENCES = {
  'default-network':
    'Without --network, punnet gives a container the loopback device alone until container networks exist; Docker a bridge.',
} satisfies Record<string, string>;

export type Difference = keyof typeof DIFFERENCES;

/** Whether `engine` is one that differs from Docker in this. */
export function differs(engine: Engine, _id: Difference): boolean {
  return engine.spec.kind === 'punnet';
}
