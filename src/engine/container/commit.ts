// `commit`: an image of what a container changed. Runs in the daemon. moby: daemon/commit.go

import type { CommitOptions } from '../../api/backend.ts';
import type { ImageProcessConfig } from '../../base/oci-image.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';

/** The id of the image. A container that runs goes on: what it writes meanwhile may or may not be in the image. */
export async function commit(room: Room, container: Container, options: CommitOptions): Promise<string> {
  const { id, imageId, config, path, args } = container.record;
  const committed = { id, imageId, config: imageConfig(config), command: [path, ...args] };
  const image = await container.exclusive(() => room.commit(committed, options));
  room.publish(container, 'commit', { comment: options.comment ?? '', imageID: image, imageRef: options.repo ?? '' });
  return image;
}

/** What of a container's configuration belongs to an image. */
function imageConfig(config: Container['record']['config']): ImageProcessConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, StopTimeout, Shell } =
    config;
  const { Healthcheck, OnBuild } = config;
  const found = {
    User,
    ExposedPorts,
    Env,
    Entrypoint,
    Cmd,
    Volumes,
    WorkingDir,
    Labels,
    StopSignal,
    StopTimeout,
    Shell,
  };
  const all = Object.entries({ ...found, Healthcheck, OnBuild });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== null)) as ImageProcessConfig;
}
