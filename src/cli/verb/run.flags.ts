// The flags that `run` and `create` share: what they are called, how they read, what help says. Data.

import { readExplain } from '../option/explain.ts';
import { quote } from '../format/text.ts';
import { parseBytes } from '../../base/byte-size.ts';
import type { Flag } from '../flag.ts';
import * as device from '../option/device.ts';
import * as host from '../option/host.ts';
import * as pair from '../option/key-value.ts';
import * as resource from '../option/resource.ts';
import { readMount } from '../option/mount.ts';
import { refusedFlags } from './run.refused.ts';

function readStream(text: string): string {
  const stream = text.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) throw new Error('valid streams are STDIN, STDOUT and STDERR');
  return stream;
}

function readLink(text: string): string {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

/** --pull's three words; the check is part of the verb, as its error is framed like the daemon's. */
export const PULL = ['always', 'missing', 'never'];

export function checkPull(text: string): void {
  if (text === '' || PULL.includes(text)) return;
  const [always, missing, never] = PULL.map(quote);
  throw new Error(`invalid pull option: '${text}': must be one of ${always}, ${missing} or ${never}`);
}

export const containerFlags: Flag[] = [
  { name: 'add-host', type: 'list', help: 'Add a custom host-to-IP mapping (host:ip)', read: host.readExtraHost },
  {
    name: 'annotation',
    type: 'map',
    help: 'Add an annotation to the container (passed through to the OCI runtime)',
    initial: 'map[]',
  },
  {
    name: 'attach',
    short: 'a',
    type: 'list',
    help: 'Attach to STDIN, STDOUT or STDERR',
    read: readStream,
    choices: ['stdin', 'stdout', 'stderr'],
  },
  {
    name: 'blkio-weight',
    type: 'uint16',
    help: 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)',
  },
  {
    name: 'blkio-weight-device',
    type: 'list',
    help: 'Block IO weight (relative device weight)',
    initial: '[]',
    read: device.readWeight,
  },
  { name: 'cap-add', type: 'list', help: 'Add Linux capabilities' },
  { name: 'cap-drop', type: 'list', help: 'Drop Linux capabilities' },
  { name: 'cgroup-parent', type: 'string', help: 'Optional parent cgroup for the container' },
  {
    name: 'cgroupns',
    type: 'string',
    help: "Cgroup namespace to use (host|private)\n'host':    Run the container in the host's cgroup namespace\n'private': Run the container in its own private cgroup namespace (default)",
    choices: ['host', 'private'],
  },
  { name: 'cidfile', type: 'string', help: 'Write the container ID to the file' },
  { name: 'cpu-period', type: 'int', help: 'Limit CPU CFS (Completely Fair Scheduler) period' },
  { name: 'cpu-quota', type: 'int', help: 'Limit CPU CFS (Completely Fair Scheduler) quota' },
  { name: 'cpu-rt-period', type: 'int', help: 'Limit CPU real-time period in microseconds' },
  { name: 'cpu-rt-runtime', type: 'int', help: 'Limit CPU real-time runtime in microseconds' },
  { name: 'cpu-shares', short: 'c', type: 'int', help: 'CPU shares (relative weight)' },
  { name: 'cpus', type: 'decimal', help: 'Number of CPUs', read: resource.readCpus },
  { name: 'cpuset-cpus', type: 'string', help: 'CPUs in which to allow execution (0-3, 0,1)' },
  { name: 'cpuset-mems', type: 'string', help: 'MEMs in which to allow execution (0-3, 0,1)' },
  { name: 'device', type: 'list', help: 'Add a host device to the container' },
  {
    name: 'device-cgroup-rule',
    type: 'list',
    help: 'Add a rule to the cgroup allowed devices list',
    read: device.readDeviceRule,
  },
  {
    name: 'device-read-bps',
    type: 'list',
    help: 'Limit read rate (bytes per second) from a device',
    initial: '[]',
    read: device.readBytesPerSecond,
  },
  {
    name: 'device-read-iops',
    type: 'list',
    help: 'Limit read rate (IO per second) from a device',
    initial: '[]',
    read: device.readOperationsPerSecond,
  },
  {
    name: 'device-write-bps',
    type: 'list',
    help: 'Limit write rate (bytes per second) to a device',
    initial: '[]',
    read: device.readBytesPerSecond,
  },
  {
    name: 'device-write-iops',
    type: 'list',
    help: 'Limit write rate (IO per second) to a device',
    initial: '[]',
    read: device.readOperationsPerSecond,
  },
  { name: 'disable-content-trust', type: 'bool', help: 'Skip image verification', initial: 'true' },
  { name: 'dns', type: 'list', help: 'Set custom DNS servers', read: host.readAddress },
  { name: 'dns-opt', type: 'list', help: 'Set DNS options', hidden: true, means: 'dns-option' },
  { name: 'dns-option', type: 'list', help: 'Set DNS options' },
  { name: 'dns-search', type: 'list', help: 'Set custom DNS search domains', read: host.readSearchDomain },
  { name: 'domainname', type: 'string', help: 'Container NIS domain name' },
  { name: 'entrypoint', type: 'string', help: 'Overwrite the default ENTRYPOINT of the image' },
  { name: 'env', short: 'e', type: 'list', help: 'Set environment variables', read: pair.readEnv },
  { name: 'env-file', type: 'list', help: 'Read in a file of environment variables' },
  { name: 'expose', type: 'list', help: 'Expose a port or a range of ports' },
  { name: 'group-add', type: 'list', help: 'Add additional groups to join' },
  { name: 'health-cmd', type: 'string', help: 'Command to run to check health' },
  { name: 'health-interval', type: 'duration', help: 'Time between running the check (ms|s|m|h) (default 0s)' },
  { name: 'health-retries', type: 'int', help: 'Consecutive failures needed to report unhealthy' },
  {
    name: 'health-start-interval',
    type: 'duration',
    help: 'Time between running the check during the start period (ms|s|m|h) (default 0s)',
  },
  {
    name: 'health-start-period',
    type: 'duration',
    help: 'Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)',
  },
  { name: 'health-timeout', type: 'duration', help: 'Maximum time to allow one check to run (ms|s|m|h) (default 0s)' },
  { name: 'help', type: 'bool', help: 'Print usage' },
  { name: 'hostname', short: 'h', type: 'string', help: 'Container host name' },
  { name: 'init', type: 'bool', help: 'Run an init inside the container that forwards signals and reaps processes' },
  { name: 'interactive', short: 'i', type: 'bool', help: 'Keep STDIN open even if not attached' },
  { name: 'ip', type: 'string', help: 'IPv4 address (e.g., 172.30.100.104)' },
  { name: 'ip6', type: 'string', help: 'IPv6 address (e.g., 2001:db8::33)' },
  {
    name: 'ipc',
    type: 'string',
    help: 'IPC mode to use',
    choices: ['none', 'private', 'shareable', 'host', 'container:'],
  },
  { name: 'isolation', type: 'string', help: 'Container isolation technology' },
  { name: 'label', short: 'l', type: 'list', help: 'Set meta data on a container', read: pair.readLabel },
  { name: 'label-file', type: 'list', help: 'Read in a line delimited file of labels' },
  { name: 'link', type: 'list', help: 'Add link to another container', read: readLink },
  { name: 'link-local-ip', type: 'list', help: 'Container IPv4/IPv6 link-local addresses' },
  {
    name: 'log-driver',
    type: 'string',
    help: 'Logging driver for the container',
    choices: ['json-file', 'local', 'none'],
  },
  { name: 'log-opt', type: 'list', help: 'Log driver options' },
  { name: 'mac-address', type: 'string', help: 'Container MAC address (e.g., 92:d0:c6:0a:29:33)' },
  { name: 'memory', short: 'm', type: 'bytes', help: 'Memory limit', read: parseBytes },
  { name: 'memory-reservation', type: 'bytes', help: 'Memory soft limit', read: parseBytes },
  {
    name: 'memory-swap',
    type: 'bytes',
    help: "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
    read: resource.readSwap,
  },
  { name: 'memory-swappiness', type: 'int', help: 'Tune container memory swappiness (0 to 100)', initial: '-1' },
  { name: 'mount', type: 'mount', help: 'Attach a filesystem mount to the container', read: readMount },
  { name: 'name', type: 'string', help: 'Assign a name to the container' },
  {
    name: 'net',
    type: 'network',
    help: 'Connect a container to a network',
    read: host.readNetwork,
    hidden: true,
    means: 'network',
  },
  {
    name: 'net-alias',
    type: 'list',
    help: 'Add network-scoped alias for the container',
    hidden: true,
    means: 'network-alias',
  },
  {
    name: 'network',
    type: 'network',
    help: 'Connect a container to a network',
    read: host.readNetwork,
    choices: ['none', 'host'],
  },
  { name: 'network-alias', type: 'list', help: 'Add network-scoped alias for the container' },
  { name: 'no-healthcheck', type: 'bool', help: 'Disable any container-specified HEALTHCHECK' },
  { name: 'oom-kill-disable', type: 'bool', help: 'Disable OOM Killer' },
  { name: 'oom-score-adj', type: 'int', help: "Tune host's OOM preferences (-1000 to 1000)" },
  { name: 'pid', type: 'string', help: 'PID namespace to use', choices: ['host', 'container:'] },
  { name: 'pids-limit', type: 'int', help: 'Tune container pids limit (set -1 for unlimited)' },
  { name: 'platform', type: 'string', help: 'Set platform if server is multi-platform capable' },
  { name: 'privileged', type: 'bool', help: 'Give extended privileges to this container' },
  { name: 'publish', short: 'p', type: 'list', help: "Publish a container's port(s) to the host" },
  { name: 'publish-all', short: 'P', type: 'bool', help: 'Publish all exposed ports to random ports' },
  {
    name: 'pull',
    type: 'string',
    help: 'Pull image before running ("always", "missing", "never")',
    initial: '"missing"',
    choices: PULL,
  },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Suppress the pull output' },
  { name: 'read-only', type: 'bool', help: "Mount the container's root filesystem as read only" },
  {
    name: 'restart',
    type: 'string',
    help: 'Restart policy to apply when a container exits',
    initial: '"no"',
    choices: ['no', 'on-failure', 'always', 'unless-stopped'],
  },
  {
    name: 'rm',
    type: 'bool',
    help: 'Automatically remove the container and its associated anonymous volumes when it exits',
  },
  { name: 'runtime', type: 'string', help: 'Runtime to use for this container' },
  {
    name: 'security-opt',
    type: 'list',
    help: 'Security Options',
    choices: ['no-new-privileges', 'seccomp=unconfined', 'systempaths=unconfined'],
  },
  { name: 'shm-size', type: 'bytes', help: 'Size of /dev/shm', read: parseBytes },
  { name: 'stop-signal', type: 'string', help: 'Signal to stop the container' },
  { name: 'stop-timeout', type: 'int', help: 'Timeout (in seconds) to stop a container' },
  { name: 'storage-opt', type: 'list', help: 'Storage driver options for the container' },
  { name: 'sysctl', type: 'map', help: 'Sysctl options', initial: 'map[]', read: pair.readSysctl },
  { name: 'tmpfs', type: 'list', help: 'Mount a tmpfs directory' },
  { name: 'tty', short: 't', type: 'bool', help: 'Allocate a pseudo-TTY' },
  { name: 'ulimit', type: 'ulimit', help: 'Ulimit options', initial: '[]', read: pair.readUlimit },
  { name: 'user', short: 'u', type: 'string', help: 'Username or UID (format: <name|uid>[:<group|gid>])' },
  { name: 'userns', type: 'string', help: 'User namespace to use', choices: ['host'] },
  { name: 'uts', type: 'string', help: 'UTS namespace to use', choices: ['host'] },
  { name: 'volume', short: 'v', type: 'list', help: 'Bind mount a volume' },
  { name: 'volume-driver', type: 'string', help: 'Optional volume driver for the container' },
  { name: 'volumes-from', type: 'list', help: 'Mount volumes from the specified container(s)' },
  { name: 'workdir', short: 'w', type: 'string', help: 'Working directory inside the container' },
  ...refusedFlags,
];

export const runFlags: Flag[] = [
  ...containerFlags,
  { name: 'detach', short: 'd', type: 'bool', help: 'Run container in background and print container ID' },
  { name: 'detach-keys', type: 'string', help: 'Override the key sequence for detaching a container' },
  {
    name: 'explain',
    type: 'bool',
    help: 'After the run, show on stderr the system calls that made the container (--explain=json: as JSON)',
    read: readExplain,
  },
  { name: 'sig-proxy', type: 'bool', help: 'Proxy received signals to the process', initial: 'true' },
];
