// The sysctls of a container: Docker's defaults for a network of its own, then what the user asked for. Pure.
// moby daemon/oci_linux.go WithSysctls; ip-sysctl.rst

import type { IdMapping } from '../../base/oci-runtime.ts';

/** `gidMap`: the groups that the container can have; ping is for all of them. */
export function specSysctls(
  wanted: Record<string, string> | undefined,
  { hostNetwork, gidMap }: { hostNetwork: boolean; gidMap: readonly IdMapping[] },
): Record<string, string> {
  if (hostNetwork) return { ...wanted };
  const defaults: Record<string, string> = { 'net.ipv4.ip_unprivileged_port_start': '0' };
  const last = lastGroup(gidMap);
  // The kernel takes only groups that are mapped, where Docker can say 2147483647.
  if (last !== undefined) defaults['net.ipv4.ping_group_range'] = `0 ${last}`;
  return { ...defaults, ...wanted };
}

/** The last group that follows group 0 without a gap. */
function lastGroup(gidMap: readonly IdMapping[]): number | undefined {
  let next = 0;
  for (const { containerID, size } of gidMap.toSorted((a, b) => a.containerID - b.containerID)) {
    if (containerID === next) next += size;
  }
  return next > 0 ? next - 1 : undefined;
}
