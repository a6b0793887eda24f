// `image inspect`: the body of GET /images/{name}/json. Runs in the daemon. moby: daemon/images/image_inspect.go

import type { ImageConfig } from '../../base/oci-image.ts';
import { configOf, find, repoNames, sizeOf, type ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';

const NEVER = '0001-01-01T00:00:00Z';

/** @throws notFound with Docker's text */
export function inspect(room: ImageRoom, text: string): object {
  const record = find(room, text);
  const config = configOf(room, record.id);
  const { tags, digests } = repoNames(room, record.id);
  return {
    Id: record.id,
    RepoTags: tags,
    RepoDigests: digests,
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    ...(config.created !== undefined && { Created: config.created }),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: processConfig(config),
    Architecture: config.architecture,
    ...(config.variant && { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] && { OsVersion: config['os.version'] }),
    Size: sizeOf(room, record),
    GraphDriver: { Data: directories(room, record), Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: record.diffIDs },
    Metadata: { LastTagTime: record.tagged ?? NEVER },
  };
}

/** The config as Docker's clients expect it: every key of a container's config, with Go's zero values. */
function processConfig({ config = {} }: ImageConfig): object {
  return {
    Hostname: '',
    Domainname: '',
    User: config.User ?? '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(config.ExposedPorts && { ExposedPorts: config.ExposedPorts }),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck && { Healthcheck: config.Healthcheck }),
    ...(config.ArgsEscaped && { ArgsEscaped: true }),
    Image: '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal && { StopSignal: config.StopSignal }),
    ...(config.StopTimeout !== undefined && { StopTimeout: config.StopTimeout }),
    ...(config.Shell && { Shell: config.Shell }),
  };
}

/** Where the layers lie, under the names that overlay gives them. */
function directories(room: ImageRoom, { diffIDs }: ImageRecord): Record<string, string> | null {
  if (diffIDs.length === 0 || !diffIDs.every((diffID) => room.layers.has(diffID))) return null;
  const [upper, ...lower] = room.layers.layers(diffIDs);
  return { ...(lower.length > 0 && { LowerDir: lower.join(':') }), UpperDir: upper! };
}
