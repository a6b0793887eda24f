// Content types of container output. Runs in the daemon. Docker Engine API, "Attach to a container", stream format.

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** A tty is one raw stream; without one, stdout and stderr come in frames. */
export function streamType(tty: boolean): string {
  return tty ? RAW_STREAM : MULTIPLEXED_STREAM;
}
