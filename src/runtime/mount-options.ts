// fstab-style mount options → flags of mount(2) and mount_setattr(2). Pure. mount(8), runtime-spec config.md#mounts

import * as k from '../native/constants.ts';

/** Attributes for mount_setattr(2): what to set, what to clear. */
export interface MountAttributes {
  set: number;
  clear: number;
}

export interface MountOptions {
  bind: boolean;
  /** `rbind`: with the mounts below */
  recursive: boolean;
  /** flags of mount(2), for a new filesystem */
  flags: number;
  /** the options that only the filesystem knows, joined by commas; null: none */
  data: string | null;
  /** for binds: this mount alone, and (`rro`…) with all mounts below */
  attributes: MountAttributes;
  recursiveAttributes: MountAttributes;
  /** MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE; 0: as it is */
  propagation: number;
  recursivePropagation: boolean;
  /** what is under the mount point is copied into the new tmpfs */
  copyUp: boolean;
  /** changes the flags of what is mounted there already */
  remount: boolean;
  /** `idmap`, `ridmap`: the container's own maps, or those of the mount, apply to the source, `ridmap` with the mounts below */
  idmap: '' | 'idmap' | 'ridmap';
}

/* option → [flag of mount(2), attribute of mount_setattr(2), does the option clear it?] */
const FLAGS: Record<string, readonly [flag: number, attribute: number, clear?: true]> = {
  ro: [k.MS_RDONLY, k.MOUNT_ATTR_RDONLY],
  rw: [k.MS_RDONLY, k.MOUNT_ATTR_RDONLY, true],
  nosuid: [k.MS_NOSUID, k.MOUNT_ATTR_NOSUID],
  suid: [k.MS_NOSUID, k.MOUNT_ATTR_NOSUID, true],
  nodev: [k.MS_NODEV, k.MOUNT_ATTR_NODEV],
  dev: [k.MS_NODEV, k.MOUNT_ATTR_NODEV, true],
  noexec: [k.MS_NOEXEC, k.MOUNT_ATTR_NOEXEC],
  exec: [k.MS_NOEXEC, k.MOUNT_ATTR_NOEXEC, true],
  noatime: [k.MS_NOATIME, k.MOUNT_ATTR_NOATIME],
  atime: [k.MS_NOATIME, k.MOUNT_ATTR_NOATIME, true],
  strictatime: [k.MS_STRICTATIME, k.MOUNT_ATTR_STRICTATIME],
  relatime: [k.MS_RELATIME, k.MOUNT_ATTR_RELATIME],
  norelatime: [k.MS_RELATIME, k.MOUNT_ATTR_RELATIME, true],
  nostrictatime: [k.MS_STRICTATIME, k.MOUNT_ATTR_STRICTATIME, true],
  nodiratime: [k.MS_NODIRATIME, k.MOUNT_ATTR_NODIRATIME],
  diratime: [k.MS_NODIRATIME, k.MOUNT_ATTR_NODIRATIME, true],
  nosymfollow: [k.MS_NOSYMFOLLOW, k.MOUNT_ATTR_NOSYMFOLLOW],
  symfollow: [k.MS_NOSYMFOLLOW, k.MOUNT_ATTR_NOSYMFOLLOW, true],
  sync: [k.MS_SYNCHRONOUS, 0],
  async: [k.MS_SYNCHRONOUS, 0, true],
  dirsync: [k.MS_DIRSYNC, 0],
  lazytime: [k.MS_LAZYTIME, 0],
  nolazytime: [k.MS_LAZYTIME, 0, true],
  mand: [k.MS_MANDLOCK, 0],
  nomand: [k.MS_MANDLOCK, 0, true],
  iversion: [k.MS_I_VERSION, 0],
  noiversion: [k.MS_I_VERSION, 0, true],
  silent: [k.MS_SILENT, 0],
  loud: [k.MS_SILENT, 0, true],
  defaults: [0, 0],
};

const ATIME = new Set(['noatime', 'atime', 'strictatime', 'relatime', 'norelatime', 'nostrictatime']);

/** With an `r` before it, of the mounts below as well. mount_namespaces(7) */
export const PROPAGATION: ReadonlyMap<string, number> = new Map([
  ['private', k.MS_PRIVATE],
  ['slave', k.MS_SLAVE],
  ['shared', k.MS_SHARED],
  ['unbindable', k.MS_UNBINDABLE],
]);

/** Sorts options into what each system call takes; unknown ones are the filesystem's and go into `data`. */
export function parseMountOptions(options: readonly string[] = [], type?: string): MountOptions {
  const parsed: MountOptions = {
    bind: type === 'bind',
    recursive: false,
    flags: 0,
    data: null,
    attributes: { set: 0, clear: 0 },
    recursiveAttributes: { set: 0, clear: 0 },
    propagation: 0,
    recursivePropagation: false,
    copyUp: false,
    remount: false,
    idmap: '',
  };
  const data: string[] = [];
  for (const option of options) if (!take(parsed, option)) data.push(option);
  if (data.length > 0) parsed.data = data.join(',');
  return parsed;
}

function take(parsed: MountOptions, option: string): boolean {
  if (option === 'bind' || option === 'rbind') {
    parsed.bind = true;
    parsed.recursive ||= option === 'rbind';
    return true;
  }
  if (option === 'tmpcopyup') return (parsed.copyUp = true);
  if (option === 'remount') return (parsed.remount = true);
  if (option === 'idmap' || option === 'ridmap') {
    parsed.idmap = option;
    return true;
  }
  const recursive = option.startsWith('r') && PROPAGATION.has(option.slice(1));
  const propagation = PROPAGATION.get(recursive ? option.slice(1) : option);
  if (propagation !== undefined) {
    parsed.propagation = propagation;
    parsed.recursivePropagation = recursive;
    return true;
  }
  if (Object.hasOwn(FLAGS, option)) {
    apply(parsed, option, parsed.attributes);
    return true;
  }
  // Of a whole tree only what mount_setattr(2) knows can be changed.
  if (option.startsWith('r') && isRecursive(option.slice(1))) {
    apply(parsed, option.slice(1), parsed.recursiveAttributes);
    return true;
  }
  return false;
}

function isRecursive(option: string): boolean {
  return Object.hasOwn(FLAGS, option) && (FLAGS[option]![1] !== 0 || ATIME.has(option));
}

function apply(parsed: MountOptions, option: string, attributes: MountAttributes): void {
  const [flag, attribute, clear] = FLAGS[option]!;
  parsed.flags = clear ? parsed.flags & ~flag : parsed.flags | flag;
  if (ATIME.has(option)) {
    // The kernel wants the whole access-time field cleared before one of its values is set.
    attributes.clear |= k.MOUNT_ATTR__ATIME;
    attributes.set = (attributes.set & ~k.MOUNT_ATTR__ATIME) | (clear ? 0 : attribute);
  } else if (clear) {
    attributes.clear |= attribute;
    attributes.set &= ~attribute;
  } else {
    attributes.set |= attribute;
    attributes.clear &= ~attribute;
  }
}

/** Every option that is not the filesystem's own, for `features`. */
export const MOUNT_OPTIONS: readonly string[] = [
  ...['bind', 'rbind', 'remount', 'tmpcopyup', 'idmap', 'ridmap'],
  ...Object.keys(FLAGS),
  ...Object.keys(FLAGS)
    .filter(isRecursive)
    .map((name) => `r${name}`),
  ...[...PROPAGATION.keys()].flatMap((name) => [name, `r${name}`]),
].sort();
