// What the daemon and a container's shim say to each other, over the socketpair at the shim's fd 3 (control) and over
// connections to its listening socket (attach, and control again after a restart of the daemon).
//
// The shim is started as
//   punnet-shim --dir DIR --listen SOCKET [--exit FILE] [--tty] [--stdin null|open|once] [--log FILE]
//               [--log-max-size BYTES] [--log-max-file N] [--rows N --cols N] [--explain] [--hold-root]
// or as
//   punnet-shim spare ROOM
// and gets those arguments in a frame, once there is a container for it; they take the place of the text ROOM, which is as long
// as they may be. It then complains in DIR/shim.err instead of on its standard error. With --hold-root the mount of the
// container's root lasts until the shim has told the exit: it is an overlay, whose end syncs a file system.
// with DIR holding `plan` (bytes of encodePlan). It writes, each by write-then-rename:
//   DIR/pid     "<init pid> <start time, field 22 of /proc/PID/stat> <shim pid> <shim start time>\n"
//   DIR/report  "index errno ns\n" for each op that ran: always on failure, otherwise with --explain
//   FILE        {"exitCode":0,"signal":0,"finishedAt":"2026-01-01T00:00:00.000000000Z"}\n   signal: 0, or the one that killed init
//
// Frames both ways: one byte type, three zero bytes, length as big-endian u32, payload. Output frames 1 and 2 are exactly
// Docker's multiplexed stream, so the daemon passes them on unread. All integers in payloads are big-endian u32.
//
// Life: shim walks the plan until the child waits in its last `await` → READY; daemon attaches its clients; START → the
// shim releases the child; execve worked (close-on-exec end of file) → STARTED, else FAILED. Init ended and its output was
// read to the end (or 1 s after the exit if someone outside the container still holds the pipe) → `exit` on disk, EXIT to
// every connection, end. If fd 3 closes before START, the shim kills the child and ends: nobody would ever start it. A
// connection accepted after READY gets READY at once (and STARTED, if so), so that a new daemon learns the state. SIGTERM, SIGINT and SIGHUP to the shim are ignored. Init dies with the shim (PR_SET_PDEATHSIG).

export const FRAME_HEADER = 8;

/** shim → client */
export const FROM_SHIM = {
  stdout: 1,
  stderr: 2,
  /** init pid */
  ready: 16,
  /** empty: execve succeeded */
  started: 17,
  /** exit code, signal */
  exit: 18,
  /** op index, errno: the plan failed here; the shim ends after it */
  failed: 19,
  /** empty: answers `subscribe` on the same connection; every byte of output from now on is sent */
  subscribed: 20,
} as const;

/** client → shim */
export const TO_SHIM = {
  /** bytes for stdin; written with back-pressure: the shim stops reading this connection while the pipe is full */
  stdin: 0,
  /** empty: this client's stdin ended; closes the container's stdin unless --stdin open and not --tty… see `--stdin once` */
  closeStdin: 32,
  /** rows, columns: TIOCSWINSZ */
  resize: 33,
  /** signal number: kill(init); race-free, since the shim is init's parent and has not reaped it */
  signal: 34,
  /** empty */
  start: 35,
  /** bit 0 stdout, bit 1 stderr: send me these streams from now on; a subscriber that does not read stops the container's output, as in Docker */
  subscribe: 36,
  /** to a spare shim, once and first: its arguments, each with a zero byte after it */
  arguments: 37,
} as const;
