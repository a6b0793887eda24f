// A container of GET /containers/json with the fields that `ps --format` knows.
// docker/cli: cli/command/formatter/container.go. Pure; runs in the CLI.

import { familiarName, parseReference } from '../../registry/reference.ts';
import { humanDuration, humanSize } from './size.ts';
import { Struct } from './template.ts';
import { ellipsis, goTime, quote, shortId } from './text.ts';

export interface ContainerSummary {
  Id: string;
  Names?: string[] | null;
  Image: string;
  ImageID: string;
  Command: string;
  /** seconds since the epoch */
  Created: number;
  State: string;
  Status: string;
  Ports?: Port[] | null;
  Labels?: Record<string, string> | null;
  Mounts?: { Name?: string; Source?: string; Driver?: string }[] | null;
  NetworkSettings?: { Networks?: Record<string, unknown> | null } | null;
  SizeRw?: number;
  SizeRootFs?: number;
  ImageManifestDescriptor?: { platform?: { os?: string; architecture?: string; variant?: string } };
}

export interface Port {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

export const containerHeaders: Record<string, string> = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
};

export interface RowOptions {
  truncate: boolean;
  /** milliseconds since the epoch */
  now?: number;
}

export function containerRow(container: ContainerSummary, { truncate, now = Date.now() }: RowOptions): Struct {
  const labels = container.Labels ?? {};
  const mounts = container.Mounts ?? [];
  const platform = container.ImageManifestDescriptor?.platform;
  return new Struct('*formatter.ContainerContext', {
    ID: () => (truncate ? shortId(container.Id) : container.Id),
    Names: () => names(container.Names ?? [], truncate),
    Image: () => image(container, truncate),
    Command: () => quote(truncate ? ellipsis(container.Command, 20) : container.Command),
    CreatedAt: () => goTime(container.Created),
    RunningFor: () => `${humanDuration(now - container.Created * 1000)} ago`,
    Platform: () =>
      platform ? [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/') : null,
    Ports: () => portsText(container.Ports ?? []),
    State: () => container.State,
    Status: () => container.Status,
    Size: () => sizeText(container),
    Labels: () =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(','),
    Label: (name: string) => labels[name] ?? '',
    Mounts: () =>
      mounts
        .map((mount) => mount.Name || mount.Source || '')
        .map((name) => (truncate ? ellipsis(name, 15) : name))
        .join(','),
    LocalVolumes: () => String(mounts.filter((mount) => mount.Driver === 'local').length),
    Networks: () => Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
  });
}

function names(all: string[], truncate: boolean): string {
  const bare = all.map((name) => name.slice(1));
  const own = truncate ? bare.find((name) => !name.includes('/')) : undefined;
  return own ?? bare.join(',');
}

function image({ Image, ImageID }: ContainerSummary, truncate: boolean): string {
  if (Image === '') return '<no image>';
  if (!truncate) return Image;
  const short = shortId(ImageID);
  if (short !== '' && short === shortId(Image)) return short;
  try {
    const reference = parseReference(Image);
    return familiarName(reference) + (reference.tag === undefined ? '' : `:${reference.tag}`);
  } catch {
    // An id or a name of an older daemon: shown as it came.
    return Image;
  }
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}

/** `0.0.0.0:8080->80/tcp, 9000-9002/udp`: neighbouring ports that need no mapping are one range. */
export function portsText(all: Port[]): string {
  const ports = all.toSorted(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      order(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      order(a.Type, b.Type),
  );
  const groups = new Map<string, { first: number; last: number }>();
  const done: string[] = [];
  const mapped: string[] = [];
  for (const { IP = '', PrivatePort: port, PublicPort, Type } of ports) {
    if (IP !== '' && PublicPort !== port) {
      mapped.push(`${hostPort(IP, String(PublicPort ?? 0))}->${port}/${Type}`);
      continue;
    }
    const key = IP === '' ? Type : `${IP}/${Type}`;
    const group = groups.get(key);
    if (group && port === group.last + 1) group.last = port;
    else {
      if (group) done.push(groupText(key, group));
      groups.set(key, { first: port, last: port });
    }
  }
  return [...done, ...[...groups].map(([key, group]) => groupText(key, group)), ...mapped].join(', ');
}

function groupText(key: string, { first, last }: { first: number; last: number }): string {
  const slash = key.lastIndexOf('/');
  const range = first === last ? String(first) : `${first}-${last}`;
  const type = key.slice(slash + 1);
  return slash < 0 ? `${range}/${type}` : `${hostPort(key.slice(0, slash), range)}->${range}/${type}`;
}

const hostPort = (ip: string, port: string) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
