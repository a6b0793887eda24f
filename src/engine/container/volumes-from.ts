// `--volumes-from container[:mode]`: the binds and volumes of another container. Runs in the daemon. moby: daemon/volumes.go,
// volume/mounts/parser.go (ParseVolumesFrom).

import { invalidArgument, messageOf } from '../../base/errors.ts';
import type { MountPoint } from './record.ts';
import type { Room } from './room.ts';

/** Mount points to take over, later ones in place of earlier ones. @throws invalidArgument, notFound with Docker's texts */
export function inheritedMounts(room: Room, specifications: readonly string[]): MountPoint[] {
  return specifications.flatMap((text) => {
    const [name = '', mode = ''] = text.split(/:(.*)/s);
    if (name === '') throw invalidArgument('volumes-from specification cannot be an empty string');
    if (!['', 'rw', 'ro', 'z', 'Z'].includes(mode)) throw invalidArgument(`invalid mode for volumes-from: ${mode}`);
    return mountsOf(room, name)
      .filter(({ Type }) => Type !== 'tmpfs')
      .map((point) => ({ ...point, RW: mode === 'ro' ? false : point.RW, ...(mode && { Mode: mode }) }));
  });
}

/** Not a 404, which clients take for a missing image. */
function mountsOf(room: Room, name: string): readonly MountPoint[] {
  try {
    return room.store.get(name).record.mounts;
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}
