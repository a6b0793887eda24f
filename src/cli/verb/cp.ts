// punnet cp: files between a container and this side, or an archive on standard input and output. docker/cli:
// cli/command/container/cp.go.

import type { FileStatBody } from '../../api/types.ts';
import { humanSize } from '../format/size.ts';
import type { Context } from '../context.ts';
import type { Flag, Flags } from '../flag.ts';
import { absolute, checkOutputPath, destinationOnHost, sourceOnHost } from '../copy/host-place.ts';
import { pack } from '../copy/pack.ts';
import { rebased, splitArgument, splitEntry } from '../copy/path.ts';
import { planCopy, renaming, type Place } from '../copy/plan.ts';
import { HostExtractor } from '../copy/unpack.ts';
import { TarReader } from '../../snapshot/tar/reader.ts';
import type { Run } from '../verb.ts';
import { posix } from 'node:path';

export const flags: Flag[] = [
  { name: 'archive', short: 'a', type: 'bool', help: 'Archive mode (copy all uid/gid information)' },
  { name: 'follow-link', short: 'L', type: 'bool', help: 'Always follow symbol link in SRC_PATH' },
  {
    name: 'quiet',
    short: 'q',
    type: 'bool',
    help: 'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
  },
];

export const examples = ['punnet cp web:/etc/nginx/nginx.conf .', 'tar c site | punnet cp - web:/srv'];

export const run: Run = async (context, { flags, positional: [from = '', to = ''] }) => {
  if (from === '') throw new Error('source can not be empty');
  if (to === '') throw new Error('destination can not be empty');
  const source = splitArgument(from);
  const destination = splitArgument(to);
  if (source.container && destination.container) throw new Error('copying between containers is not supported');
  if (!source.container && !destination.container) throw new Error('must specify at least one container source');
  const copied = source.container
    ? await fromContainer(context, { ...source, to: destination.path }, flags)
    : await toContainer(context, { ...destination, from: source.path }, flags);
  if (copied === undefined || flags.on('quiet', !context.err.isTerminal)) return;
  context.err.line(`Successfully copied ${humanSize(copied)} to ${to}`);
};

const MODE_DIRECTORY = 2 ** 31;
const MODE_LINK = 2 ** 27;

/** Go's os.FileMode is larger than what bit operators of JavaScript take. */
const has = (mode: number, bit: number) => Math.floor(mode / bit) % 2 === 1;

/** Bytes of the archive; undefined when it went to standard output. */
async function fromContainer(
  context: Context,
  { container, path, to }: { container: string; path: string; to: string },
  flags: Flags,
): Promise<number | undefined> {
  const destination = to === '-' ? to : absolute(to);
  if (to !== '-') checkOutputPath(destination);
  let wanted = path;
  let name = '';
  if (flags.on('follow-link')) {
    const stat = await statOrNothing(context, container, path);
    if (stat && has(stat.mode, MODE_LINK)) {
      const target = posix.resolve('/', splitEntry(path).directory, stat.linkTarget);
      ({ path: wanted, name } = rebased(path, target));
    }
  }
  const { body, headers } = await context.client.stream('GET', `/containers/${container}/archive`, {
    query: { path: wanted },
  });
  if (to === '-') {
    for await (const chunk of body) context.out.write(chunk as Buffer);
    return undefined;
  }
  const stat = decodeStat(headers.get(STAT));
  const source: Place = { path: wanted, exists: true, isDirectory: has(stat.mode, MODE_DIRECTORY), name };
  const first = name ? renaming(splitEntry(wanted).base, name) : undefined;
  const { directory, rebase } = planCopy(source, destinationOnHost(destination));
  const extractor = new HostExtractor(directory, (entry) => rebase(first ? first(entry) : entry));
  const reader = new TarReader(extractor);
  let bytes = 0;
  try {
    for await (const chunk of body) {
      reader.write(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    reader.end();
    extractor.finish();
  } finally {
    extractor.close();
  }
  return bytes;
}

/** Bytes of the archive. */
async function toContainer(
  context: Context,
  { container, path, from }: { container: string; path: string; from: string },
  flags: Flags,
): Promise<number> {
  const source = from === '-' ? from : absolute(from);
  let place: Place = { path, exists: false, isDirectory: false };
  let stat = await statOrNothing(context, container, path);
  if (stat && has(stat.mode, MODE_LINK)) {
    place = { ...place, path: posix.resolve('/', splitEntry(path).directory, stat.linkTarget) };
    stat = await statOrNothing(context, container, place.path);
  }
  if (stat && [26, 25, 24, 21].some((bit) => has(stat.mode, 2 ** bit))) {
    const device = has(stat.mode, 2 ** 26);
    const what = device ? 'got a device' : 'got an irregular file';
    throw new Error(`destination "${container}:${path}" must be a directory or a regular file: ${what}`);
  }
  if (stat) place = { ...place, exists: true, isDirectory: has(stat.mode, MODE_DIRECTORY) };
  let upload: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  let directory = place.path;
  if (from === '-') {
    if (!place.isDirectory) throw new Error(`destination "${container}:${path}" must be a directory`);
    upload = process.stdin as AsyncIterable<Uint8Array>;
  } else {
    const local = sourceOnHost(source, flags.on('follow-link'));
    const plan = planCopy(local, place);
    directory = plan.directory;
    upload = pack(local, plan.rebase);
  }
  let bytes = 0;
  async function* counted() {
    for await (const chunk of upload) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  await context.client.call('PUT', `/containers/${container}/archive`, {
    query: { path: directory, noOverwriteDirNonDir: 'true', copyUIDGID: flags.on('archive') ? 'true' : '' },
    headers: { 'Content-Type': 'application/x-tar' },
    upload: counted(),
  });
  return bytes;
}

const STAT = 'x-docker-container-path-stat';

/** A path that cannot be looked at may still be made: then its directory counts, which the extraction will tell. */
async function statOrNothing(context: Context, container: string, path: string): Promise<FileStatBody | undefined> {
  const { ApiError } = await import('../../api/client.ts');
  try {
    const { body, headers } = await context.client.stream('HEAD', `/containers/${container}/archive`, {
      query: { path },
    });
    body.resume();
    return decodeStat(headers.get(STAT));
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

function decodeStat(header: string | undefined): FileStatBody {
  if (header === undefined) throw new Error(`unable to get resource stat from response: no ${STAT}`);
  return JSON.parse(Buffer.from(header, 'base64').toString('utf8')) as FileStatBody;
}
