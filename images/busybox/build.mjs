#!/usr/bin/env node
// Builds the image that ships with punnet: Debian's static busybox, one hard link per applet, and the files that programs
// look for in /etc. Writes an OCI layout (image-spec image-layout.md) to dist/images/busybox, or to the directory given.
// The same package and Node give the same bytes: entries are sorted, times are SOURCE_DATE_EPOCH or the program's own.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
if (process.argv[2]?.startsWith('-')) {
  process.stderr.write('usage: images/busybox/build.mjs [DIRECTORY]\n');
  process.exit(process.argv[2] === '--help' ? 0 : 1);
}
const output = resolve(process.argv[2] ?? join(here, '../../dist/images/busybox'));
const busybox = process.env.BUSYBOX ?? '/bin/busybox';

const program = readProgram();
const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(statSync(busybox).mtimeMs / 1000));
const created = new Date(seconds * 1000).toISOString().replace('.000', '');
const version = /BusyBox (v\S+)/.exec(run([])) ?? [];

const archive = tar([...directories(), ...files(), ...applets()]);
writeLayout(archive);

/** The program's bytes; it must run where there is no libc. */
function readProgram() {
  let bytes;
  try {
    bytes = readFileSync(busybox);
  } catch {
    return fail(`${busybox} is missing`);
  }
  return hasInterpreter(bytes) ? fail(`${busybox} is not static`) : bytes;
}

function fail(what) {
  process.stderr.write(`busybox image: ${what}; install it with: apt-get install busybox-static\n`);
  process.exit(1);
}

/** A dynamic ELF program names its loader in a PT_INTERP segment; elf(5). Both architectures are 64-bit little endian. */
function hasInterpreter(elf) {
  const offset = Number(elf.readBigUInt64LE(32));
  const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  for (let i = 0; i < count; i++) if (elf.readUInt32LE(offset + i * size) === 3) return true;
  return false;
}

function run(args) {
  return execFileSync(busybox, args, { encoding: 'utf8' });
}

function directories() {
  const modes = {
    './': 0o755,
    'bin/': 0o755,
    'dev/': 0o755,
    'etc/': 0o755,
    'home/': 0o755,
    'proc/': 0o755,
    'root/': 0o700,
    'sys/': 0o755,
    'tmp/': 0o1777,
    'usr/': 0o755,
    'usr/bin/': 0o755,
    'usr/sbin/': 0o755,
    'var/': 0o755,
    'var/spool/': 0o755,
    'var/spool/mail/': 0o755,
    'var/www/': 0o755,
  };
  const owners = { 'home/': 65534, 'var/spool/mail/': 8 };
  return Object.entries(modes).map(([name, mode]) => ({ name, type: '5', mode, owner: owners[name] ?? 0 }));
}

function files() {
  const etc = ['group', 'nsswitch.conf', 'passwd', 'shadow'].map((name) => {
    const mode = name === 'shadow' ? 0o600 : 0o644;
    return { name: `etc/${name}`, type: '0', mode, owner: 0, data: readFileSync(join(here, 'etc', name)) };
  });
  return [...etc, { name: 'usr/bin/env', type: '2', mode: 0o777, owner: 0, link: '../../bin/env' }];
}

function applets() {
  const names = run(['--list'])
    .split('\n')
    .filter((name) => name && name !== 'busybox');
  const links = [...new Set(names.map((name) => basename(name)))].sort();
  return [
    { name: 'bin/busybox', type: '0', mode: 0o755, owner: 0, data: program },
    ...links.map((name) => ({ name: `bin/${name}`, type: '1', mode: 0o755, owner: 0, link: 'bin/busybox' })),
  ];
}

/** A ustar archive; tar(5). Every name here is short. */
function tar(entries) {
  const blocks = entries.flatMap((entry) => {
    const data = entry.data ?? Buffer.alloc(0);
    return [header(entry, data.length), data, Buffer.alloc(-data.length & 511)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function header({ name, type, mode, owner, link = '' }, size) {
  const block = Buffer.alloc(512);
  const octal = (value, at, length) => block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  block.write(name, 0, 'latin1');
  octal(mode, 100, 8);
  octal(owner, 108, 8);
  octal(owner, 116, 8);
  octal(size, 124, 12);
  octal(seconds, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link, 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function writeLayout(layer) {
  const making = `${output}.${process.pid}.tmp`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(join(making, 'blobs/sha256'), { recursive: true });
  const put = (mediaType, bytes) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(making, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const compressed = gzipSync(layer, { level: 9 });
  // Byte 9 of gzip's header names the operating system that compressed: always "unknown".
  compressed[9] = 255;
  const architecture = { x64: 'amd64' }[arch] ?? arch;
  const config = put(
    'application/vnd.oci.image.config.v1+json',
    json({
      created,
      architecture,
      os: 'linux',
      config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
      history: [{ created, created_by: `images/busybox: BusyBox ${version[1] ?? ''} (Debian busybox-static)` }],
    }),
  );
  const manifest = put(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: [put('application/vnd.oci.image.layer.v1.tar+gzip', compressed)],
    }),
  );
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...manifest,
        platform: { architecture, os: 'linux' },
        annotations: { 'org.opencontainers.image.ref.name': 'docker.io/library/busybox:latest' },
      },
    ],
  };
  writeFileSync(join(making, 'index.json'), json(index));
  writeFileSync(join(making, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  rmSync(output, { recursive: true, force: true });
  renameSync(making, output);
}
