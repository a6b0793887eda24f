// spec.hooks → spawn ops, in the place of the lifecycle and the namespaces that the specification gives each kind. The state
// on their stdin names the container by its pid, which only the walker knows. Pure. runtime-spec config.md#posix-platform-hooks

import { invalidArgument } from '../../base/errors.ts';
import type { Spec, SpecHooks, SpecState } from '../../base/oci-runtime.ts';
import type { Op, Who } from '../../native/ops.ts';

/** Who the container is: what the state on a hook's stdin has besides status and pid. */
export interface HookState {
  id: string;
  /** absolute path */
  bundle: string;
}

/** Who runs a kind of hook, and what the state says meanwhile. */
const KINDS: Record<keyof SpecHooks, { who: Who; status: SpecState['status'] }> = {
  prestart: { who: 'parent', status: 'creating' },
  createRuntime: { who: 'parent', status: 'creating' },
  createContainer: { who: 'child', status: 'creating' },
  startContainer: { who: 'child', status: 'created' },
  poststart: { who: 'parent', status: 'running' },
  poststop: { who: 'parent', status: 'stopped' },
};

/** One op for each hook of a kind, in their order. @throws invalidArgument for a path that is not absolute, a timeout of nothing */
export function hookOps(spec: Spec, kind: keyof SpecHooks, state: HookState & { pid?: number }): Op[] {
  const { who, status } = KINDS[kind];
  return (spec.hooks?.[kind] ?? []).map((hook, index): Op => {
    const name = `hooks.${kind}[${index}]`;
    if (!hook.path?.startsWith('/')) throw invalidArgument(`${name}: path ${hook.path} is not absolute`);
    if (hook.timeout !== undefined && !(Number.isInteger(hook.timeout) && hook.timeout > 0)) {
      throw invalidArgument(`${name}: timeout must be a whole number of seconds above zero: ${hook.timeout}`);
    }
    const argv = hook.args?.length ? hook.args : [hook.path];
    const timeout = hook.timeout ?? 0;
    return {
      who,
      op: 'spawn',
      path: hook.path,
      argv,
      env: hook.env ?? [],
      input: stateText(spec, status, state),
      timeout,
    };
  });
}

/* The pid comes first, since the walker replaces the first `%child`, and a bundle's path may have one too. */
function stateText(spec: Spec, status: string, { id, bundle, pid }: HookState & { pid?: number }): string {
  const { ociVersion, annotations = {} } = spec;
  const rest = JSON.stringify({ ociVersion, id, status, bundle, annotations });
  return status === 'stopped' ? rest : `{"pid":${pid ?? '%child'},${rest.slice(1)}`;
}
