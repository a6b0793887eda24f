// A program that containers can get hold of (as /proc/PID/exe of their init before execve, or bound in for --init) is run
// through a read-only mount of its file: their root is the user who owns the file, and could write to it (CVE-2019-5736).
// Runs in the daemon at start, as root of its user and mount namespace. mount(2), proc(5)

import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoOf, internal, messageOf } from '../base/errors.ts';
import { mount, umount2 } from '../native/addon.ts';
import * as k from '../native/constants.ts';

/* Flags of a mount that came from the host: this namespace may not take them away. */
const INHERITED: Readonly<Record<string, number>> = {
  nosuid: k.MS_NOSUID,
  nodev: k.MS_NODEV,
  noexec: k.MS_NOEXEC,
  noatime: k.MS_NOATIME,
  nodiratime: k.MS_NODIRATIME,
  relatime: k.MS_RELATIME,
};

/**
 * Mounts `program` read-only on `place`, a path in a directory of the daemon's own; what an earlier daemon mounted there is
 * replaced, and stays alive for those who run it.
 * @returns `place`
 * @throws internal, naming the step
 */
export function sealProgram(program: string, place: string): string {
  try {
    unmountAll(place);
    closeSync(openSync(place, 'a', 0o700));
    mount(program, place, null, k.MS_BIND, null);
    const inherited = mountFlags(readFileSync('/proc/self/mountinfo', 'utf8'), place);
    mount(null, place, null, k.MS_REMOUNT | k.MS_BIND | k.MS_RDONLY | inherited, null);
    return place;
  } catch (error) {
    throw internal(`mount ${program} read-only on ${place}: ${messageOf(error)}`, { cause: error });
  }
}

function unmountAll(place: string): void {
  try {
    for (;;) umount2(place, k.MNT_DETACH);
  } catch (error) {
    // Nothing is mounted there, or nothing is there.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** The flags of the topmost mount on `place`, as mountinfo's sixth field has them. proc(5) */
export function mountFlags(mountinfo: string, place: string): number {
  const escaped = place.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const lines = mountinfo.split('\n').map((line) => line.split(' '));
  const options = lines.findLast((fields) => fields[4] === escaped)?.[5] ?? '';
  return options.split(',').reduce((flags, option) => flags | (INHERITED[option] ?? 0), 0);
}
