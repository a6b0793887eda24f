// The images that the verb tests pull: real busybox and alpine where they are at hand, otherwise busybox-static's;
// and small ones on top of busybox, each for one rule of image configuration.

import { existsSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  imageOf,
  indexOf,
  readLayout,
  readRootfs,
  tarOf,
  type Entry,
  type Image,
  type ImageOptions,
} from '../support/image.ts';
import { PROJECT, SHARED } from '../support/need.ts';
import type { Registry } from '../support/registry.ts';

/** Pushes everything to `registry`; `library/busybox:latest`, `library/alpine:latest`, `test/NAME:latest`. */
export async function pushImages(registry: Registry): Promise<void> {
  const busybox = busyboxImage();
  await registry.push(busybox, 'library/busybox', 'latest');
  await registry.push(alpineImage(busybox), 'library/alpine', 'latest');
  for (const [name, options] of Object.entries(VARIANTS))
    await registry.push(derive(busybox, options), `test/${name}`, 'latest');
  await pushIndex(registry, busybox);
}

/** `test/multi`: an index with this machine's platform and one more; each image says its own when it runs. */
async function pushIndex(registry: Registry, busybox: Image): Promise<void> {
  const own = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64'] ?? process.arch;
  const images = [];
  for (const architecture of ['s390x', own]) {
    const image = derive(busybox, { architecture, config: { Env: [PATH], Cmd: ['echo', architecture] } });
    await registry.push(image, 'test/multi', architecture);
    images.push({ image, platform: { os: 'linux', architecture } });
  }
  await registry.pushManifest(indexOf(images), 'test/multi', 'latest');
}

/** Names of the images that every engine has before the first test. */
export const IMAGES = ['busybox', 'alpine'];

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface Variant extends ImageOptions {
  layer?: Entry[];
}

export const VARIANTS: Record<string, Variant> = {
  entrypoint: { config: { Env: [PATH], Entrypoint: ['echo', 'entry'], Cmd: ['default', 'words'] } },
  'shell-entrypoint': { config: { Env: [PATH], Entrypoint: ['/bin/sh', '-c', 'echo "shell:$0:$*"'], Cmd: ['a', 'b'] } },
  user: {
    config: { Env: [PATH], Cmd: ['id'], User: 'app' },
    layer: [
      { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235:App:/home/app:/bin/sh\n' },
      { name: 'etc/group', content: 'root:x:0:\nappgroup:x:1235:\nextra:x:2000:app\nother:x:2001:\n' },
      { name: 'home/app/', uid: 1234, gid: 1235 },
    ],
  },
  config: {
    config: {
      Env: [PATH, 'FROM_IMAGE=yes', 'BOTH=image'],
      Cmd: ['sh', '-c', 'pwd; echo $FROM_IMAGE $BOTH'],
      WorkingDir: '/work/dir',
      Labels: { 'org.example.a': 'image', 'org.example.b': 'image' },
      StopSignal: 'SIGUSR1',
      ExposedPorts: { '80/tcp': {} },
    },
  },
  files: {
    layer: [
      { name: 'data/' },
      { name: 'data/target', content: 'target\n' },
      { name: 'data/link', type: 'SymbolicLink', linkname: 'target' },
      { name: 'data/escape', type: 'SymbolicLink', linkname: '/../../../../etc/hostname' },
      { name: 'data/setuid', content: 'x', mode: 0o4755 },
      { name: 'data/owned', content: 'x', uid: 1000, gid: 1001, mode: 0o640 },
      { name: 'bin/not-executable', content: '#!/bin/sh\necho no\n', mode: 0o644 },
      { name: 'bin/no-shebang', content: 'this is no program\n', mode: 0o755 },
      { name: 'bin/bad-interpreter', content: '#!/no/such/shell\n', mode: 0o755 },
      { name: 'bin/script', content: '#!/bin/sh\necho "script:$*"\n', mode: 0o755 },
    ],
    config: { Env: [PATH], Cmd: ['sh'] },
  },
  'no-command': { config: { Env: [PATH], Cmd: null } },
  'no-path': { config: { Env: [], Cmd: ['env'] } },
};

function derive(base: Image, variant: Variant): Image {
  const layers: (Buffer | Entry[])[] = base.layers.map((layer) => gunzipSync(layer.bytes));
  if (variant.layer) layers.push(tarOf(variant.layer));
  return imageOf(layers, variant);
}

/** Real busybox where it is at hand, else Debian's. */
export function busyboxImage(): Image {
  for (const layout of [join(SHARED, 'images/busybox'), join(PROJECT, 'dist/images/busybox')])
    if (existsSync(join(layout, 'index.json'))) return readLayout(layout);
  return imageOf([busyboxStatic()]);
}

/** Debian's busybox-static with its applets as links, and the few files that a root filesystem needs. */
function busyboxStatic(): Entry[] {
  const binary = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);
  if (!binary) throw new Error('busybox is not installed (apt-get install busybox-static)');
  const applets = execFileSync(binary, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  return [
    ...['bin/', 'etc/', 'home/', 'usr/', 'usr/bin/', 'var/', 'lib/'].map((name) => ({ name })),
    { name: 'root/', mode: 0o700 },
    { name: 'tmp/', mode: 0o1777 },
    { name: 'bin/busybox', content: readFileSync(binary), mode: 0o755 },
    ...applets
      .filter((applet) => applet !== 'busybox')
      .map((applet): Entry => ({ name: `bin/${applet}`, type: 'Link', linkname: 'bin/busybox', mode: 0o755 })),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' },
    { name: 'etc/group', content: 'root:x:0:\nnobody:x:65534:\n' },
  ];
}

function alpineImage(busybox: Image): Image {
  const archive = join(SHARED, 'images/alpine-minirootfs-3.20.3-x86_64.tar.gz');
  if (!existsSync(archive)) return derive(busybox, { layer: [{ name: 'etc/alpine-release', content: 'none\n' }] });
  return readRootfs(archive, { config: { Cmd: ['/bin/sh'] } });
}
