// Id maps as an unprivileged user can have them: their own id alone, which they may write themselves once setgroups(2) is
// given up; or the ranges of /etc/subuid, which newuidmap and newgidmap write. Pure. user_namespaces(7), newuidmap(1)

import { invalidArgument } from '../../base/errors.ts';
import type { IdMapping, Spec } from '../../base/oci-runtime.ts';
import type { Op } from '../../native/ops.ts';
import { hasOwn, isNew, writeIdMaps } from './namespaces.ts';

export interface MappingUser {
  uid: number;
  gid: number;
  /** absolute paths of the setuid programs; undefined where they are not installed */
  newuidmap: string | undefined;
  newgidmap: string | undefined;
}

/** True when a user maps nothing but themselves; absent user: privileged, so no. */
export function mapsOnlySelf(spec: Spec, user: MappingUser | undefined): boolean {
  if (!user || !isNew(spec, 'user')) return false;
  const self = (maps: IdMapping[] | undefined, id: number) =>
    maps?.length === 1 && maps[0]!.size === 1 && maps[0]!.hostID === id;
  return self(spec.linux?.uidMappings, user.uid) && self(spec.linux?.gidMappings, user.gid);
}

/**
 * Parent, after the clone.
 * @throws invalidArgument where the user may not: no user namespace at all, further groups, programs not installed
 */
export function mapsByUser(spec: Spec, user: MappingUser): Op[] {
  if (!hasOwn(spec, 'user')) {
    throw invalidArgument('rootless container requires user namespaces', { fix: 'punnet-runc spec --rootless' });
  }
  if (!isNew(spec, 'user')) return [];
  if (mapsOnlySelf(spec, user)) {
    if (spec.process?.user.additionalGids?.length) {
      throw invalidArgument('cannot set any additional groups in a rootless container that maps one group');
    }
    return [{ who: 'parent', op: 'write_file', path: '/proc/%child/setgroups', data: 'deny' }, ...writeIdMaps(spec)];
  }
  return [
    mapper('newuidmap', user.newuidmap, spec.linux?.uidMappings),
    mapper('newgidmap', user.newgidmap, spec.linux?.gidMappings),
  ];
}

function mapper(name: string, path: string | undefined, maps: IdMapping[] = []): Op {
  if (path === undefined) throw invalidArgument(`${name} is not installed`, { fix: 'sudo apt-get install -y uidmap' });
  const numbers = maps.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]).map(String);
  return { who: 'parent', op: 'spawn', path, argv: [name, '%child', ...numbers], env: [], input: '', timeout: 0 };
}
