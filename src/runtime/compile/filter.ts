// spec.linux.seccomp → the ops that load the compiled filter and, where it asks an agent, send the agent the means to answer.
// Pure. seccomp(2), seccomp_unotify(2), runtime-spec config-linux.md#seccomp and #containerprocessstate

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { Spec, SpecSeccomp } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import type { HookState } from './hooks.ts';
import type { Slots } from './slots.ts';

/** True when a rule leaves the verdict to an agent. */
export function asksAgent(profile: SpecSeccomp | undefined): boolean {
  return (profile?.syscalls ?? []).some(({ action }) => action === 'SCMP_ACT_NOTIFY');
}

/**
 * Child: loads the filter.
 * @param listener place for the agent's descriptor, which is sent to the parent; required where an agent is asked
 */
export function seccompOps(profile: SpecSeccomp | undefined, filter: Uint8Array | undefined, listener?: Slot): Op[] {
  if (!profile) return [];
  if (!filter) throw new PunnetError('internal', 'the seccomp profile was not compiled');
  const names = profile.flags ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'];
  const flags = names.reduce((sum, name) => sum | filterFlag(name), 0);
  if (!asksAgent(profile)) return [{ who: 'child', op: 'seccomp', flags, filter }];
  if (listener === undefined) throw new PunnetError('notImplemented', 'SCMP_ACT_NOTIFY is not supported here');
  // The kernel takes one of the two; there is one thread.
  const own = (flags & ~k.SECCOMP_FILTER_FLAG_TSYNC) | k.SECCOMP_FILTER_FLAG_NEW_LISTENER;
  return [
    { who: 'child', op: 'seccomp', flags: own, filter, listener },
    { who: 'child', op: 'send_fd', fd: listener },
    { who: 'child', op: 'close', fd: listener },
  ];
}

/**
 * Parent: passes the descriptor on to the agent's socket, with the state that the specification wants.
 * @throws invalidArgument when an agent is asked and none is named
 */
export function listenerOps(
  spec: Spec,
  { state, slots, status }: { state: HookState; slots: Slots; status: 'creating' | 'running' },
): Op[] {
  const profile = spec.linux?.seccomp;
  if (!profile || !asksAgent(profile)) return [];
  if (!profile.listenerPath)
    throw invalidArgument('linux.seccomp.listenerPath is needed, because a rule has SCMP_ACT_NOTIFY');
  const [listener, agent] = [slots.take(), slots.passing];
  const { ociVersion, annotations = {} } = spec;
  const rest = JSON.stringify({ ociVersion, id: state.id, status, bundle: state.bundle, annotations });
  const metadata = JSON.stringify(profile.listenerMetadata ?? '');
  // The pids come first, since they are what the walker replaces.
  const container = `{"pid":%child,${rest.slice(1)}`;
  const data = `{"ociVersion":${JSON.stringify(ociVersion)},"fds":["seccompFd"],"pid":%child,"state":${container},"metadata":${metadata}}`;
  return [
    { who: 'parent', op: 'recv_fd', slot: listener },
    { who: 'parent', op: 'connect', path: profile.listenerPath, slot: agent },
    { who: 'parent', op: 'send_fd', fd: listener, to: agent, data },
    { who: 'parent', op: 'close', fd: agent },
    { who: 'parent', op: 'close', fd: listener },
  ];
}

function filterFlag(name: string): number {
  const flag = (k as unknown as Record<string, number>)[name];
  if (!name.startsWith('SECCOMP_FILTER_FLAG_') || flag === undefined) {
    throw invalidArgument(`unknown seccomp flag ${JSON.stringify(name)}`);
  }
  return flag;
}
