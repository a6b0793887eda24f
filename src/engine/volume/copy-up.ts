// Fills an empty volume with what the image has at its mount point, owners and modes kept. The image's own layers are read, so
// no link in it leads out. Runs in the daemon, as uid 0 of its user namespace. moby: daemon/create_unix.go (populateVolumes)

import { closeSync, readdirSync } from 'node:fs';
import { setImmediate as later } from 'node:timers/promises';
import { fchmod, fchown, openat2 } from '../../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../../native/constants.ts';
import { TreeExtractor } from '../../snapshot/extract-tree.ts';
import { MergedTree } from '../../snapshot/merged-tree.ts';

/** Files after which other work of the daemon has its turn. */
const BATCH = 64;

/**
 * @param layers the image's directories, top first
 * @param from the mount point in the container
 * @param to the volume's directory; one that holds something is left alone
 */
export async function copyUp(layers: string[], { from, to }: { from: string; to: string }): Promise<void> {
  if (readdirSync(to).length > 0) return;
  const tree = new MergedTree(layers);
  try {
    const top = tree.find(binary(from));
    if (top?.entry.type !== 'directory') return;
    const root = openat2(AT_FDCWD, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
    const extractor = new TreeExtractor(root, { directory: '/', noOverwriteDirNonDir: false });
    try {
      await copyAll(tree, top.entry.name, extractor);
      extractor.finish();
      fchown(root, top.entry.uid, top.entry.gid);
      fchmod(root, top.entry.mode);
    } finally {
      extractor.close();
      closeSync(root);
    }
  } finally {
    tree.close();
  }
}

async function copyAll(tree: MergedTree, top: string, extractor: TreeExtractor): Promise<void> {
  const below = (name: string) => (top === '' ? name : name.slice(top.length + 1));
  const linked = new Map<string, string>();
  let count = 0;
  for (const file of tree.walk(top)) {
    const name = below(file.entry.name);
    const first = file.linked === undefined ? undefined : linked.get(file.linked);
    if (first !== undefined) {
      extractor.entry({ ...file.entry, name, type: 'link', linkname: first, size: 0 });
    } else {
      if (file.linked !== undefined) linked.set(file.linked, name);
      extractor.entry({ ...file.entry, name });
      if (file.entry.type === 'file') {
        file.read((chunk, offset) => extractor.data(chunk, offset));
        extractor.fileEnd();
      }
    }
    if (++count % BATCH === 0) await later();
  }
}

function binary(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}
