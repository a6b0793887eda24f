// The context of the build tests: a file for each rule of COPY and ADD.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes it in the empty directory `root`, readable for everybody. */
export function makeContext(root: string): void {
  const file = (name: string, content: string, mode = 0o644) => {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), content);
    chmodSync(join(root, name), mode);
  };
  file('a.txt', 'a\n');
  file('b.txt', 'b\n');
  file('with space.txt', 'space\n');
  file('ünï.txt', 'ü\n');
  file('.hidden', 'hidden\n');
  file('empty', '');
  file('exec.sh', '#!/bin/sh\necho hi\n', 0o755);
  file('setuid', 'x', 0o4755);
  file('private/key', 'key\n', 0o604);
  file('dir/main.c', 'int main;\n');
  file('dir/util.c', 'int util;\n');
  file('dir/sub/deep/file', 'deep\n');
  file('dir2/main.c', 'int other;\n');
  file('dir2/only', 'only\n');
  mkdirSync(join(root, 'empty-dir'));
  mkdirSync(join(root, 'sticky'));
  chmodSync(join(root, 'sticky'), 0o1777);
  chmodSync(join(root, 'private'), 0o705);
  mkdirSync(join(root, 'links'));
  symlinkSync('../a.txt', join(root, 'links/to-file'));
  symlinkSync('../dir', join(root, 'links/to-dir'));
  symlinkSync('../dir/sub', join(root, 'links/dangling-parent'));
  symlinkSync('../../../../../../etc/hostname', join(root, 'links/out'));
  const tar = (...words: string[]) => execFileSync('tar', ['-C', root, '--owner=3', '--group=4', ...words]);
  tar('-cf', join(root, 'plain.tar'), 'dir', 'a.txt');
  tar('-czf', join(root, 'zipped.tar.gz'), 'dir', 'exec.sh');
  tar('-cjf', join(root, 'zipped.tar.bz2'), 'dir2');
  tar('-cJf', join(root, 'zipped.tar.xz'), 'dir2', 'links');
  tar('-czf', join(root, 'not-a-name'), 'b.txt');
  file('fake.tar.gz', 'this is no archive\n');
}
