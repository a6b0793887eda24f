// punnet system df: what takes how much room. docker/cli: cli/command/formatter/disk_usage.go.

import { listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { containerHeaders, containerRow, type ContainerSummary } from '../format/container.ts';
import { imageHeaders, imageRow, isDangling, type ImageSummary } from '../format/image.ts';
import { formatList } from '../format/list.ts';
import { humanSize } from '../format/size.ts';
import { compileTemplate, Struct } from '../format/template.ts';
import { familiarName, parseReference } from '../../registry/reference.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  listFormat,
  { name: 'verbose', short: 'v', type: 'bool', help: 'Show detailed information on space usage' },
];

interface Volume {
  Name: string;
  Driver: string;
  Labels?: Record<string, string> | null;
  UsageData?: { RefCount: number; Size: number } | null;
}

interface Usage {
  LayersSize: number;
  Images?: ImageSummary[] | null;
  Containers?: ContainerSummary[] | null;
  Volumes?: Volume[] | null;
  BuildCache?: { Size: number; InUse: boolean; Shared: boolean }[] | null;
}

const HEADERS = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' };
const TABLE = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';
const RAW =
  'type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n';

export const run: Run = async (context, { flags }) => {
  const usage = await context.client.call<Usage>('GET', '/system/df');
  const format = flags.text('format') || 'table';
  if (flags.on('verbose')) context.out.write(verbose(usage, format));
  else {
    const known = format === 'table' ? TABLE : format === 'raw' ? RAW : format;
    context.out.write(formatList(summary(usage), { format: known, headers: HEADERS }));
  }
};

interface Row {
  type: string;
  total: number;
  active: number;
  size: number;
  reclaimable: number;
  /** whether the share of what can be had back is shown */
  share: boolean;
}

function summary(usage: Usage): Struct[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = (usage.Volumes ?? []).map((volume) => volume.UsageData ?? { RefCount: 0, Size: -1 });
  const cache = (usage.BuildCache ?? []).filter(({ Shared }) => !Shared);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const used = images.filter((image) => image.Containers !== 0 && image.Size !== -1 && image.SharedSize !== -1);
  const runs = ({ State }: ContainerSummary) => ['running', 'paused', 'restarting'].includes(State);
  const known = volumes.filter(({ Size }) => Size !== -1);
  const cacheSize = sum(cache.map(({ Size }) => Size));
  const rows: Row[] = [
    {
      type: 'Images',
      total: images.length,
      active: images.filter(({ Containers }) => Containers > 0).length,
      size: usage.LayersSize,
      reclaimable: usage.LayersSize - sum(used.map((image) => image.Size - image.SharedSize)),
      share: true,
    },
    {
      type: 'Containers',
      total: containers.length,
      active: containers.filter(runs).length,
      size: sum(containers.map(({ SizeRw = 0 }) => SizeRw)),
      reclaimable: sum(containers.filter((container) => !runs(container)).map(({ SizeRw = 0 }) => SizeRw)),
      share: true,
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: volumes.filter(({ RefCount }) => RefCount > 0).length,
      size: sum(known.map(({ Size }) => Size)),
      reclaimable: sum(known.filter(({ RefCount }) => RefCount === 0).map(({ Size }) => Size)),
      share: true,
    },
    {
      type: 'Build Cache',
      total: (usage.BuildCache ?? []).length,
      active: (usage.BuildCache ?? []).filter(({ InUse }) => InUse).length,
      size: cacheSize,
      reclaimable: cacheSize - sum(cache.filter(({ InUse }) => InUse).map(({ Size }) => Size)),
      share: false,
    },
  ];
  return rows.map(summaryRow);
}

function summaryRow({ type, total, active, size, reclaimable, share }: Row): Struct {
  const percent = share && size > 0 ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : '';
  const kinds: Record<string, string> = { 'Local Volumes': 'Volumes', 'Build Cache': 'Builder' };
  return new Struct(`*formatter.diskUsage${kinds[type] ?? type}Context`, {
    Type: () => type,
    TotalCount: () => String(total),
    Active: () => String(active),
    Size: () => humanSize(size),
    Reclaimable: () => humanSize(reclaimable) + percent,
  });
}

function verbose(usage: Usage, format: string): string {
  const truncate = format.startsWith('table');
  const images = (usage.Images ?? []).flatMap((image) => {
    const name = imageName(image);
    return name ? [imageRow(image, name, { truncate })] : [];
  });
  const containers = (usage.Containers ?? []).map((each) => containerRow({ ...each, SizeRootFs: 0 }, { truncate }));
  const volumes = (usage.Volumes ?? []).map(volumeRow);
  if (format !== 'table') {
    const template = compileTemplate(format === 'json' ? '{{json .}}' : format);
    return template.run({ Images: images, Containers: containers, Volumes: volumes, BuildCache: [] });
  }
  const table = (rows: Struct[], fields: string, headers: Record<string, string>) =>
    formatList(rows, {
      format: `table ${fields
        .split(' ')
        .map((field) => `{{.${field}}}`)
        .join('\t')}`,
      headers,
    });
  const cacheSize = (usage.BuildCache ?? []).reduce((total, { Size, Shared }) => total + (Shared ? 0 : Size), 0);
  return [
    'Images space usage:\n\n',
    table(images, 'Repository Tag ID CreatedSince Size SharedSize UniqueSize Containers', imageHeaders),
    '\nContainers space usage:\n\n',
    table(containers, 'ID Image Command LocalVolumes Size RunningFor Status Names', containerHeaders),
    '\nLocal Volumes space usage:\n\n',
    table(volumes, 'Name Links Size', { Name: 'VOLUME NAME', Links: 'LINKS', Size: 'SIZE' }),
    `\nBuild cache usage: ${humanSize(cacheSize)}\n\n`,
    table([], 'ID CacheType Size CreatedSince LastUsedSince UsageCount Shared', {
      ...{ ID: 'CACHE ID', CacheType: 'CACHE TYPE', Size: 'SIZE', CreatedSince: 'CREATED' },
      ...{ LastUsedSince: 'LAST USED', UsageCount: 'USAGE', Shared: 'SHARED' },
    }),
  ].join('');
}

/** The first tag; undefined where it is no reference. */
function imageName(image: ImageSummary): { repository: string; tag: string; digest: string } | undefined {
  const first = image.RepoTags?.[0];
  if (first === undefined || isDangling(image)) return { repository: '<none>', tag: '<none>', digest: '' };
  try {
    const reference = parseReference(first);
    return { repository: familiarName(reference), tag: reference.tag ?? '<none>', digest: '' };
  } catch {
    // An image under a name that is no reference has no row, as with docker.
    return undefined;
  }
}

function volumeRow({ Name, Driver, Labels, UsageData }: Volume): Struct {
  return new Struct('*formatter.volumeContext', {
    Name: () => Name,
    Driver: () => Driver,
    Labels: () =>
      Object.entries(Labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    Links: () => (UsageData ? String(UsageData.RefCount) : 'N/A'),
    Size: () => (UsageData ? humanSize(UsageData.Size) : 'N/A'),
  });
}
