// punnet images: lists images. docker/cli: cli/command/image/list.go.

import { filter, filterQuery, listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { imageHeaders, imageRows, type ImageSummary } from '../format/image.ts';
import { formatList } from '../format/list.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Show all images (default hides intermediate images)' },
  { name: 'digests', type: 'bool', help: 'Show digests' },
  filter,
  listFormat,
  { name: 'no-trunc', type: 'bool', help: "Don't truncate output" },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Only show image IDs' },
];

export const examples = ['punnet images', 'punnet images --digests alpine', 'punnet images -q --filter dangling=true'];

export const run: Run = async (context, { flags, positional: [name], calledAs }) => {
  const filters = flags.all<{ name: string; value: string }>('filter');
  if (name) filters.push({ name: 'reference', value: name });
  const images = await context.client.call<ImageSummary[]>('GET', '/images/json', {
    query: { all: flags.on('all'), filters: filterQuery(filters) },
  });
  const quiet = flags.on('quiet');
  const digests = flags.on('digests');
  const configured = quiet ? '' : ((await context.config()).imagesFormat ?? '');
  const format = imageFormat(flags.text('format') || configured || 'table', { quiet, digests });
  const rows = imageRows(images, {
    truncate: !flags.on('no-trunc'),
    digests,
    showDigest: format.includes('{{.Digest}}'),
  });
  context.out.write(formatList(rows, { format, headers: imageHeaders }));
  if (name && images.length === 0 && calledAs === 'images' && VERBS.has(name)) {
    context.err.write(`\nNo images found matching "${name}": did you mean "punnet image ${name}"?\n`);
  }
};

const VERBS = new Set(['inspect', 'list', 'ls', 'pull', 'rm', 'tag']);

function imageFormat(format: string, { quiet, digests }: { quiet: boolean; digests: boolean }): string {
  if (format === 'table') {
    if (quiet) return '{{.ID}}';
    const digest = digests ? '\t{{.Digest}}' : '';
    return `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`;
  }
  if (format === 'raw') {
    if (quiet) return 'image_id: {{.ID}}';
    const digest = digests ? 'digest: {{.Digest}}\n' : '';
    return `repository: {{ .Repository }}\ntag: {{.Tag}}\n${digest}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`;
  }
  return format.startsWith('table') && digests && !format.includes('{{.Digest}}') ? `${format}\t{{.Digest}}` : format;
}
