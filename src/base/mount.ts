// A mount(2) as data: what snapshot produces, engine adds to and runtime executes. Types only.

export interface Mount {
  /** Device, directory or filesystem name, as mount(2)'s `source`. */
  source: string;
  /** Absolute path of the mount point, as the process that mounts sees it. */
  target: string;
  /** `overlay`, `tmpfs`, `bind`… */
  type: string;
  /** fstab-style options: `ro`, `nosuid`, `lowerdir=…`. */
  options: string[];
  /** Directory to change to first, so that relative paths in options stay short (mount(2) data is one page). */
  cwd?: string;
}
