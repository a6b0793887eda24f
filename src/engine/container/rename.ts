// `rename`. Runs in the daemon. moby: daemon/rename.go.

import { PunnetError, invalidArgument } from '../../base/errors.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';

/** @throws invalidArgument, conflict with Docker's texts */
export function rename(room: Room, container: Container, wanted: string): Promise<void> {
  return container.exclusive(() => {
    const text = wanted.trim();
    const plain = text.replace(/^\//, '');
    if (plain === '') throw invalidArgument('Neither old nor new names may be empty');
    const old = container.name;
    if (plain === old) throw invalidArgument('Renaming a container with the same name as its current name');
    const name = reserve(room, container, text);
    container.record = { ...container.record, name };
    try {
      container.saveRecord();
    } catch (error) {
      container.record = { ...container.record, name: old };
      room.store.releaseName(name, container.id);
      throw error;
    }
    room.store.releaseName(old, container.id);
    room.publish(container, 'rename', { oldName: `/${old}` });
    return Promise.resolve();
  });
}

function reserve(room: Room, container: Container, wanted: string): string {
  try {
    return room.store.reserveName(container.id, wanted);
  } catch (error) {
    if (!(error instanceof PunnetError)) throw error;
    throw new PunnetError(error.kind, `Error when allocating new name: ${error.message}`, { cause: error });
  }
}
