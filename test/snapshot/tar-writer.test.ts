import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { Entry, TarSink } from '../../src/snapshot/tar/entry.ts';
import { TarReader } from '../../src/snapshot/tar/reader.ts';
import { TarWriter } from '../../src/snapshot/tar/writer.ts';

const plain: Entry = {
  name: 'file',
  type: 'file',
  linkname: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 1_600_000_000_000_000_000n,
  size: 0,
  xattrs: new Map(),
};

interface Told {
  entry: Entry;
  data: string;
}

function archive(...entries: Told[]): Buffer {
  const chunks: Buffer[] = [];
  const writer = new TarWriter((chunk) => chunks.push(Buffer.from(chunk)));
  for (const { entry, data } of entries) {
    writer.entry(entry);
    if (entry.type !== 'file') continue;
    writer.data(Buffer.from(data), 0);
    writer.fileEnd();
  }
  writer.end();
  return Buffer.concat(chunks);
}

class Collector implements TarSink {
  readonly told: Told[] = [];
  entry = (entry: Entry) => void this.told.push({ entry, data: '' });
  data = (chunk: Uint8Array) => void (this.told.at(-1)!.data += Buffer.from(chunk).toString());
  fileEnd = () => {};
}

function read(bytes: Buffer): Told[] {
  const collector = new Collector();
  const reader = new TarReader(collector);
  reader.write(bytes);
  reader.end();
  return collector.told;
}

const cases: Record<string, Told> = {
  'a file with content': { entry: { ...plain, size: 5 }, data: 'hello' },
  'an empty file': { entry: plain, data: '' },
  'a file of exactly one block': { entry: { ...plain, size: 512 }, data: 'x'.repeat(512) },
  'a directory': { entry: { ...plain, name: 'dir/', type: 'directory', mode: 0o1777 }, data: '' },
  'a symbolic link': { entry: { ...plain, type: 'symlink', linkname: '/etc/passwd', mode: 0o777 }, data: '' },
  'a hard link': { entry: { ...plain, type: 'link', linkname: 'other' }, data: '' },
  'a fifo': { entry: { ...plain, type: 'fifo' }, data: '' },
  setuid: { entry: { ...plain, mode: 0o4755 }, data: '' },
  'a name of 100 bytes': { entry: { ...plain, name: 'n'.repeat(100) }, data: '' },
  'a name of 101 bytes': { entry: { ...plain, name: 'n'.repeat(101) }, data: '' },
  'a directory whose slash is the 101st byte': {
    entry: { ...plain, name: `${'n'.repeat(100)}/`, type: 'directory' },
    data: '',
  },
  'a long link': { entry: { ...plain, type: 'symlink', linkname: 'l'.repeat(3000) }, data: '' },
  'a name that is not ASCII': { entry: { ...plain, name: Buffer.from('grüße').toString('latin1') }, data: '' },
  'a name that is not UTF-8': { entry: { ...plain, name: 'a\xffb' }, data: '' },
  'owners that are large': { entry: { ...plain, uid: 3_000_000_000, gid: 2_097_152 }, data: '' },
  'a time with nanoseconds': { entry: { ...plain, mtimeNs: 1_600_000_000_123_456_789n }, data: '' },
  'a time before 1970': { entry: { ...plain, mtimeNs: -1_500_000_000n }, data: '' },
  'extended attributes with newlines and NULs': {
    entry: { ...plain, xattrs: new Map([['security.capability', Buffer.from('\x01\n\0=\n', 'latin1')]]) },
    data: '',
  },
};

describe('the tar writer', () => {
  test.each(Object.entries(cases))('%s is read as it was written', (_, told) => {
    expect(read(archive(told))).toEqual([told]);
  });

  test('the same entries are the same bytes, in whichever order attributes were found', () => {
    const a: [string, Buffer][] = [
      ['user.a', Buffer.from('1')],
      ['user.b', Buffer.from('2')],
    ];
    const one = archive({ entry: { ...plain, xattrs: new Map(a) }, data: '' });
    const two = archive({ entry: { ...plain, xattrs: new Map(a.toReversed()) }, data: '' });
    expect(one.equals(two)).toBe(true);
  });

  test('holes, and what a file lost while it was read, are zeros', () => {
    const chunks: Buffer[] = [];
    const writer = new TarWriter((chunk) => chunks.push(Buffer.from(chunk)));
    writer.entry({ ...plain, size: 10 });
    writer.data(Buffer.from('ab'), 3);
    writer.fileEnd();
    writer.end();
    expect(read(Buffer.concat(chunks))[0]!.data).toBe('\0\0\0ab\0\0\0\0\0');
  });

  test('more bytes than the header told are an error, not a broken archive', () => {
    const writer = new TarWriter(() => {});
    writer.entry({ ...plain, size: 2 });
    expect(() => writer.data(Buffer.from('abc'), 0)).toThrow('3 bytes at 0 do not fit a file of 2');
  });

  test('GNU tar lists every entry as it was told', () => {
    const bytes = archive(...Object.values(cases));
    const listing = execFileSync('tar', ['-tv', '--numeric-owner', '--quoting-style=escape', '-f', '-'], {
      input: bytes,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    });
    expect(listing.trim().split('\n')).toHaveLength(Object.keys(cases).length);
    expect(listing).toContain('3000000000/2097152');
    expect(listing).toContain('-rwsr-xr-x');
    expect(listing).toContain('file -> /etc/passwd');
    expect(listing).toContain('file link to other');
  });
});
