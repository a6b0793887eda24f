// The hooks that run when no plan of the container is on its way: poststart and poststop. One that fails is told and the next
// runs all the same. runtime-spec runtime.md#lifecycle steps 9 and 13

import { messageOf } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import { walk } from '../../native/walk.ts';
import { hookOps } from '../compile/hooks.ts';
import { log } from './say.ts';
import type { Settings } from './settings.ts';
import type { ContainerRecord } from './store.ts';

export function runHooks(
  kind: 'poststart' | 'poststop',
  spec: Spec,
  { id, bundle, init }: ContainerRecord,
  settings: Settings,
): void {
  for (const op of hookOps(spec, kind, { id, bundle, pid: init?.pid })) {
    try {
      walk({ ops: [op] });
    } catch (error) {
      log('warning', `error running ${kind} hook: ${messageOf(error)}`, settings);
    }
  }
}
