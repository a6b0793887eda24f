// Which extended attributes of a layer reach the disk. Pure functions. xattr(7), capabilities(7),
// Linux Documentation/filesystems/overlayfs.rst "User xattr".

/**
 * The attribute to set for one that an archive holds, or undefined to leave it out. An archive's `user.overlay.*` would be
 * orders to overlayfs (redirect, opaque, metacopy: read any file of the stack under any name), so it never gets there; nor do
 * `trusted.*` and the other `security.*`, which the kernel refuses inside a user namespace.
 */
export function admit(name: string, value: Buffer): { name: string; value: Buffer } | undefined {
  if (name.startsWith('user.')) return name.startsWith('user.overlay.') ? undefined : { name, value };
  if (name === 'security.capability') return { name, value: withoutRootId(value) };
  if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default') return { name, value };
  return undefined;
}

const REVISION_MASK = 0xff00_0000;
const REVISION_2 = 0x0200_0000;
const REVISION_3 = 0x0300_0000;

/**
 * File capabilities of revision 3 name the user namespace's root on the machine that built the image; as revision 2 the
 * kernel fills in ours. vfs_ns_cap_data, capabilities(7) "File capability extended attribute versioning".
 */
function withoutRootId(value: Buffer): Buffer {
  if (value.length !== 24) return value;
  const magic = value.readUInt32LE(0);
  if ((magic & REVISION_MASK) >>> 0 !== REVISION_3) return value;
  const copy = Buffer.from(value.subarray(0, 20));
  copy.writeUInt32LE(((magic & ~REVISION_MASK) | REVISION_2) >>> 0, 0);
  return copy;
}
