// The end of a container: whatever lives in its cgroup is killed, the cgroup removed, its directory forgotten, poststop hooks
// told. Every step is done whatever became of the one before, and may be done again. runtime-spec runtime.md#delete

import { errnoOf, messageOf } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import { killCgroup, removeCgroupNow } from '../cgroup.ts';
import { directoriesOf } from '../cgroup-v1.ts';
import { runHooks } from './hooks.ts';
import { log } from './say.ts';
import type { Settings } from './settings.ts';
import { signalProcess } from './status.ts';
import { forget, type ContainerRecord } from './store.ts';
import { pollUntil } from './wait.ts';
import { isAlive } from '../../native/process-identity.ts';

const SIGKILL = 9;

/** @param spec as it was when the container was made; undefined when a crash left none: then there are no hooks to run */
export function destroy(settings: Settings, record: ContainerRecord, spec: Spec | undefined): void {
  const { init, cgroup, cgroupV1 } = record;
  if (init && signalProcess(init, SIGKILL)) pollUntil(() => !isAlive(init));
  if (cgroup !== undefined) {
    try {
      killCgroup(cgroup);
      pollUntil(() => removeCgroupNow(cgroup));
    } catch (error) {
      log('warning', `unable to remove cgroup ${cgroup}: ${errnoOf(error) ?? messageOf(error)}`, settings);
    }
  }
  for (const directory of directoriesOf(cgroupV1)) {
    if (!pollUntil(() => removeCgroupNow(directory))) log('warning', `unable to remove cgroup ${directory}`, settings);
  }
  forget(settings.root, record.id);
  if (spec) runHooks('poststop', spec, record, settings);
}
