// What Docker puts between an image and a container: files to mount on, and the two by which programs know where they run.
// Data. moby: daemon/initlayer/setup_unix.go.

import type { InitEntry } from '../../snapshot/init-layers.ts';

const directories = ['/dev/pts', '/dev/shm', '/proc', '/sys'];
const files = ['/.dockerenv', '/dev/console', '/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];

export const CONTAINER_INIT: InitEntry[] = [
  ...directories.map((path): InitEntry => ({ path, type: 'directory' })),
  ...files.map((path): InitEntry => ({ path, type: 'file' })),
  { path: '/etc/mtab', type: 'link', target: '/proc/mounts' },
];
