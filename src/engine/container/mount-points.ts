// -v, --mount, VOLUME: from their several spellings to one list of mount points, with Docker's texts for what is wrong.
// Looks at the host's paths, changes nothing. Runs in the daemon. moby: daemon/volume/mounts/linux_parser.go.

import { statSync } from 'node:fs';
import { posix } from 'node:path';
import type { ContainerConfigBody, HostConfigBody, MountBody } from '../../api/types.ts';
import { invalidArgument, notImplemented, type PunnetError } from '../../base/errors.ts';
import type { WantedVolume } from '../volume/create.ts';
import { checkVolumeName } from '../volume/store.ts';
import type { MountPoint } from './record.ts';
import { hostPath } from '../../rootless/host-path.ts';

const MODES: Record<string, string[]> = {
  access: ['rw', 'ro'],
  label: ['z', 'Z'],
  propagation: ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'],
  copy: ['copy', 'nocopy'],
  consistency: ['default', 'consistent', 'cached', 'delegated'],
};

/** A mount point whose source may have to be made first. */
export interface WantedMount {
  point: MountPoint;
  /** make a directory at the source when nothing is there, as -v does */
  create: boolean;
  /** the volume, which may have to be made; Source is not known yet */
  volume?: WantedVolume & { copy: boolean };
}

/**
 * `from`: mount points of the containers of --volumes-from, which others replace.
 * @throws invalidArgument with Docker's texts
 */
export function wantedMounts(
  config: ContainerConfigBody,
  host: HostConfigBody,
  from: readonly MountPoint[] = [],
): WantedMount[] {
  const driver = host.VolumeDriver || undefined;
  const own = [...(host.Binds ?? []).map((bind) => ofBind(bind, driver)), ...(host.Mounts ?? []).map(ofMount)];
  const taken = new Set(own.map(({ point }) => point.Destination));
  const inherited = new Map(from.map((point) => [point.Destination, point]));
  const mounts = [
    ...[...inherited.values()]
      .filter(({ Destination }) => !taken.has(Destination))
      .map((point): WantedMount => ({ point, create: false })),
    ...own,
  ];
  const targets = new Set<string>();
  for (const { point } of mounts) {
    if (targets.has(point.Destination)) throw invalidArgument(`Duplicate mount point: ${point.Destination}`);
    targets.add(point.Destination);
  }
  for (const target of Object.keys(host.Tmpfs ?? {})) targets.add(posix.normalize(target));
  for (const target of Object.keys(config.Volumes ?? {})) {
    checkTarget(target, (error) => error);
    const destination = clean(target);
    if (!targets.has(destination)) mounts.push(volume(destination, true));
    targets.add(destination);
  }
  return mounts;
}

/** `source:target[:mode]`, or `target` for an anonymous volume. */
function ofBind(text: string, driver: string | undefined): WantedMount {
  const parts = text.split(':');
  const invalid = (why?: string) =>
    invalidArgument(`invalid volume specification: '${text}'${why === undefined ? '' : `: ${why}`}`);
  const [source = '', target, mode = ''] = parts.length === 1 ? ['', parts[0]] : parts;
  if (parts.length > 3 || parts[0] === '' || target === undefined) throw invalid();
  if (parts.length === 2 && isMode(target)) throw invalid();
  if (!isMode(mode)) throw invalidArgument(`invalid mode: ${mode}`);
  checkTarget(target, (error) => invalid(error.message));
  const destination = clean(target);
  const options = mode.split(',');
  if (source === '') return volume(destination, true);
  if (!source.startsWith('/')) {
    checkVolumeName(source);
    const wanted = { name: source, driver, copy: !options.includes('nocopy') };
    const made = volume(destination, !options.includes('ro'), wanted);
    return { ...made, point: { ...made.point, Mode: mode === '' ? 'z' : mode } };
  }
  return {
    point: {
      Type: 'bind',
      Source: clean(source),
      Destination: destination,
      Mode: mode,
      RW: !options.includes('ro'),
      Propagation: options.find((option) => MODES.propagation!.includes(option)) ?? 'rprivate',
    },
    create: true,
  };
}

function ofMount(mount: MountBody): WantedMount {
  const wrap = (error: PunnetError) =>
    invalidArgument(`invalid mount config for type "${mount.Type}": ${error.message}`);
  const wrong = (message: string) => wrap(invalidArgument(message));
  const { Type = '', Target = '', Source = '' } = mount;
  for (const [options, type] of [
    ['BindOptions', 'bind'],
    ['VolumeOptions', 'volume'],
    ['TmpfsOptions', 'tmpfs'],
  ] as const) {
    if (mount[options] && Type !== type) {
      throw invalidArgument(`${options} must not be specified on mount type "${Type}"`);
    }
  }
  if (Target === '') throw wrong('field Target must not be empty');
  checkTarget(Target, wrap);
  const destination = clean(Target);
  const writable = mount.ReadOnly !== true;
  switch (Type) {
    case 'bind': {
      const bind = mount.BindOptions ?? {};
      if (Source === '') throw wrong('field Source must not be empty');
      if (bind.Propagation && !MODES.propagation!.includes(bind.Propagation)) {
        throw wrong(`invalid propagation mode: ${bind.Propagation}`);
      }
      if (!Source.startsWith('/')) throw wrong(`invalid mount path: '${Source}' mount path must be absolute`);
      const exists = statSync(hostPath(Source), { throwIfNoEntry: false }) !== undefined;
      if (!exists && bind.CreateMountpoint !== true) throw wrong(`bind source path does not exist: ${Source}`);
      return {
        point: {
          Type: 'bind',
          Source: clean(Source),
          Destination: destination,
          Mode: '',
          RW: writable,
          Propagation: bind.Propagation || 'rprivate',
        },
        create: bind.CreateMountpoint === true,
      };
    }
    case 'volume': {
      const { NoCopy, Labels, DriverConfig, Subpath } = mount.VolumeOptions ?? {};
      if (Source === '' && writable === false) throw wrong('must not set ReadOnly mode when using anonymous volumes');
      if (Subpath) throw notImplemented('VolumeOptions.Subpath (volume-subpath) is not supported yet');
      if (Source !== '') checkVolumeName(Source);
      return volume(destination, writable, {
        name: Source,
        driver: DriverConfig?.Name,
        options: DriverConfig?.Options,
        labels: Labels,
        copy: NoCopy !== true,
      });
    }
    case 'tmpfs':
      if (Source !== '') throw wrong('field Source must not be specified');
      return {
        point: { Type: 'tmpfs', Source: '', Destination: destination, Mode: '', RW: writable, Propagation: '' },
        create: false,
      };
    default:
      throw wrong('mount type unknown');
  }
}

function volume(destination: string, writable: boolean, wanted: WantedMount['volume'] = { copy: true }): WantedMount {
  return {
    point: {
      Type: 'volume',
      Source: '',
      Destination: destination,
      Driver: 'local',
      Mode: '',
      RW: writable,
      Propagation: '',
    },
    create: false,
    volume: wanted,
  };
}

function checkTarget(target: string, wrap: (error: PunnetError) => PunnetError): void {
  if (!target.startsWith('/')) {
    throw wrap(invalidArgument(`invalid mount path: '${target}' mount path must be absolute`));
  }
  if (clean(target) === '/') throw wrap(invalidArgument("invalid specification: destination can't be '/'"));
}

/** At most one word of each kind. */
function isMode(text: string): boolean {
  if (text === '') return true;
  const seen = new Set<string>();
  return text.split(',').every((word) => {
    const kind = Object.keys(MODES).find((name) => MODES[name]!.includes(word));
    if (kind === undefined || seen.has(kind)) return false;
    seen.add(kind);
    return true;
  });
}

/** Without a slash at the end, `.` and `..`. */
function clean(path: string): string {
  return posix.normalize(path).replace(/(.)\/+$/, '$1');
}
