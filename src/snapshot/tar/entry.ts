// What a tar archive says, as data: one Entry per file, and the sink that the reader tells them to. Types only.
// Names are bytes, not text: every name here is a "binary string" (latin1, one character per byte), so that a name that
// is not UTF-8 neither changes nor collides with another.

export type EntryType = 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'char' | 'block';

/** A run of stored bytes of a sparse file, in bytes from its start. */
export interface Segment {
  offset: number;
  length: number;
}

export interface Entry {
  /** Binary string, exactly as archived: may be absolute or hold `..`. */
  name: string;
  type: EntryType;
  /** Target of a symlink (verbatim) or of a hard link (a name in the same archive). Binary string. */
  linkname: string;
  /** Permission bits with setuid, setgid and sticky (0…07777). */
  mode: number;
  /** Ids as the container sees them. */
  uid: number;
  gid: number;
  /** Nanoseconds since 1970. */
  mtimeNs: bigint;
  /** Length of the file in bytes; of a sparse file with its holes. */
  size: number;
  /** Extended attributes by name (SCHILY.xattr.*). */
  xattrs: Map<string, Buffer>;
  /** Present for a sparse file: where its stored bytes belong. */
  sparse?: Segment[];
}

/** Receives an archive in order. Data chunks are views into the reader's buffers: use them before returning. */
export interface TarSink {
  /** A new entry; the one before is complete. */
  entry(entry: Entry): void;
  /** Bytes of the current file, at `offset` bytes from its start. */
  data(chunk: Uint8Array, offset: number): void;
  /** The current file is complete. Called for type `file` alone. */
  fileEnd(): void;
}
