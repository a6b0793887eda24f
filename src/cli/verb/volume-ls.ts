// punnet volume ls. docker/cli: cli/command/volume/list.go, cli/command/formatter/volume.go.

import { filter, filterQuery, listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { formatList } from '../format/list.ts';
import { Struct } from '../format/template.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { ...filter, help: 'Provide filter values (e.g. "dangling=true")' },
  listFormat,
  { name: 'quiet', short: 'q', type: 'bool', help: 'Only display volume names' },
];

export const examples = ['punnet volume ls --filter dangling=true'];

export interface VolumeBody {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Scope: string;
  Labels: Record<string, string> | null;
  UsageData?: { Size: number; RefCount: number };
}

export const volumeHeaders: Record<string, string> = {
  Name: 'VOLUME NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  Mountpoint: 'MOUNTPOINT',
  Labels: 'LABELS',
  Links: 'LINKS',
  Size: 'SIZE',
  Availability: 'AVAILABILITY',
  Group: 'GROUP',
  Status: 'STATUS',
};

export const run: Run = async (context, { flags }) => {
  const quiet = flags.on('quiet');
  const { Volumes } = await context.client.call<{ Volumes: VolumeBody[] | null }>('GET', '/volumes', {
    query: { filters: filterQuery(flags.all('filter')) },
  });
  const volumes = (Volumes ?? []).sort((a, b) => (a.Name < b.Name ? -1 : 1));
  context.out.write(
    formatList(volumes.map(volumeRow), { format: volumeFormat(flags.text('format'), quiet), headers: volumeHeaders }),
  );
};

function volumeFormat(format: string, quiet: boolean): string {
  if (format === 'raw') return quiet ? 'name: {{.Name}}' : 'name: {{.Name}}\ndriver: {{.Driver}}\n';
  if (format !== '' && format !== 'table') return format;
  return quiet ? '{{.Name}}' : 'table {{.Driver}}\t{{.Name}}';
}

function volumeRow(volume: VolumeBody): Struct {
  const labels = volume.Labels ?? {};
  return new Struct('formatter.volumeContext', {
    Availability: () => 'N/A',
    Driver: () => volume.Driver,
    Group: () => 'N/A',
    Label: (name: string) => labels[name] ?? '',
    Labels: () =>
      Object.keys(labels)
        .sort()
        .map((key) => `${key}=${labels[key]}`)
        .join(','),
    Links: () => 'N/A',
    Mountpoint: () => volume.Mountpoint,
    Name: () => volume.Name,
    Scope: () => volume.Scope,
    Size: () => 'N/A',
    Status: () => 'N/A',
  });
}
