// `volume create`, and the volumes that containers ask for. Runs in the daemon. moby: daemon/volume/service/store.go

import { randomBytes } from 'node:crypto';
import { notFound } from '../../base/errors.ts';
import { publish, type VolumeRoom } from './room.ts';
import { checkVolumeName, type VolumeRecord } from './store.ts';

export interface WantedVolume {
  /** empty: an anonymous one gets a name of its own */
  name?: string;
  driver?: string;
  options?: Record<string, string> | null;
  labels?: Record<string, string> | null;
}

/** The volume of that name, made where it is missing. @throws invalidArgument, notFound for a driver that is not here */
export function create(room: VolumeRoom, wanted: WantedVolume): VolumeRecord {
  const { driver = '', options = null, labels } = wanted;
  if (!['', 'local'].includes(driver)) {
    throw notFound(`error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`);
  }
  const name = wanted.name || randomBytes(32).toString('hex');
  if (wanted.name) checkVolumeName(name);
  const known = room.store.find(name);
  if (known) return known;
  const made = room.store.create({
    name,
    labels: labels ?? {},
    options: options && Object.keys(options).length > 0 ? options : null,
    anonymous: !wanted.name,
  });
  publish(room, 'create', name);
  return made;
}
