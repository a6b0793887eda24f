// The commands of punnet-runc as data: what each takes, and where its code is, which is only loaded when it is called.

import type { FlagTable, Flags } from './flags.ts';
import type { Settings } from './settings.ts';

export interface Call {
  settings: Settings;
  flags: Flags;
  args: string[];
}

/** Its exit status; the program ends when it returns or resolves. */
export type Verb = (call: Call) => number | Promise<number>;

export interface Command {
  /** what stands behind the name in `--help` */
  operands: string;
  about: string;
  flags: FlagTable;
  /** how many operands it takes: at least, at most */
  arity: readonly [number, number];
  load(): Promise<Verb>;
}

const BUNDLE: FlagTable = { 'bundle,b': ['text', 'path of the bundle directory; the working directory by default'] };
const EXPLAIN: FlagTable = {
  explain: ['bool', 'print every system call that made the container, with its time, on stderr'],
};

const START: FlagTable = {
  ...BUNDLE,
  'console-socket': ['text', 'path of an AF_UNIX socket that receives the master of the terminal'],
  'pidfd-socket': ['text', 'path of an AF_UNIX socket that receives a pidfd of the first process'],
  'pid-file': ['text', 'file to write the process id to'],
  'no-pivot': ['bool', 'change the root without pivot_root, for a root on a ramdisk'],
  'no-new-keyring': ['bool', 'keep the session keyring of the caller'],
  'preserve-fds': ['number', 'pass this many further descriptors, from 3 on, to the container'],
  ...EXPLAIN,
};

const MANY = Infinity;

export const COMMANDS: Readonly<Record<string, Command>> = {
  checkpoint: {
    operands: '<container-id>',
    about: 'not supported: freezing a container to disk needs CRIU',
    flags: {},
    arity: [0, MANY],
    load: async () => (await import('./checkpoint.ts')).refuse,
  },
  create: {
    operands: '<container-id>',
    about: 'create a container; its program waits for start',
    flags: START,
    arity: [1, 1],
    load: async () => (await import('./create.ts')).create,
  },
  delete: {
    operands: '<container-id>',
    about: 'delete what a stopped container holds',
    flags: { 'force,f': ['bool', 'kill it first when it runs; no error when there is none'] },
    arity: [1, 1],
    load: async () => (await import('./delete.ts')).remove,
  },
  events: {
    operands: '<container-id>',
    about: 'print statistics and out-of-memory events',
    flags: {
      interval: ['text', 'time between statistics, 5s by default'],
      stats: ['bool', 'print statistics once and end'],
    },
    arity: [1, 1],
    load: async () => (await import('./events.ts')).events,
  },
  exec: {
    operands: '<container-id> <command> [arguments]',
    about: 'run a further process in a container',
    flags: {
      'console-socket': START['console-socket']!,
      'pidfd-socket': START['pidfd-socket']!,
      cwd: ['text', 'working directory in the container'],
      'env,e': ['list', 'set a variable, NAME=VALUE'],
      'tty,t': ['bool', 'give it a terminal'],
      'user,u': ['text', 'UID[:GID] to run as'],
      'additional-gids,g': ['list', 'further group ids'],
      'process,p': ['text', 'path of a process.json that says all of this'],
      'detach,d': ['bool', 'return when it runs'],
      'pid-file': START['pid-file']!,
      'process-label': ['text', 'SELinux label'],
      apparmor: ['text', 'AppArmor profile'],
      'no-new-privs': ['bool', 'set no_new_privs'],
      'cap,c': ['list', 'add a capability'],
      'preserve-fds': START['preserve-fds']!,
      cgroup: ['list', 'path of a cgroup below the container’s to run in'],
      'ignore-paused': ['bool', 'also in a paused container: it waits until that is resumed'],
      ...EXPLAIN,
    },
    arity: [1, MANY],
    load: async () => (await import('./exec.ts')).exec,
  },
  features: {
    operands: '',
    about: 'print what this runtime can do, as JSON',
    flags: {},
    arity: [0, 0],
    load: async () => (await import('./features.ts')).printFeatures,
  },
  kill: {
    operands: '<container-id> [signal]',
    about: 'send a signal, SIGTERM by default, to the first process',
    flags: { 'all,a': ['bool', 'send it to every process of the container'] },
    arity: [1, 2],
    load: async () => (await import('./kill.ts')).kill,
  },
  list: {
    operands: '',
    about: 'list the containers of this root',
    flags: { 'format,f': ['text', 'table (the default) or json'], 'quiet,q': ['bool', 'ids only'] },
    arity: [0, 0],
    load: async () => (await import('./list.ts')).list,
  },
  pause: {
    operands: '<container-id>',
    about: 'freeze all processes of a container',
    flags: {},
    arity: [1, 1],
    load: async () => (await import('./pause.ts')).pause,
  },
  plan: {
    operands: '[bundle]',
    about: 'print the system calls that would make a container of a bundle',
    flags: { json: ['bool', 'as JSON'] },
    arity: [0, 1],
    load: async () => (await import('./plan.ts')).plan,
  },
  ps: {
    operands: '<container-id> [ps options]',
    about: 'list the processes of a container',
    flags: { 'format,f': ['text', 'table (the default) or json'] },
    arity: [1, MANY],
    load: async () => (await import('./ps.ts')).ps,
  },
  restore: {
    operands: '<container-id>',
    about: 'not supported, as checkpoint',
    flags: {},
    arity: [0, MANY],
    load: async () => (await import('./checkpoint.ts')).refuse,
  },
  resume: {
    operands: '<container-id>',
    about: 'let a paused container go on',
    flags: {},
    arity: [1, 1],
    load: async () => (await import('./pause.ts')).resume,
  },
  run: {
    operands: '<container-id>',
    about: 'create and start a container, and delete it when it has ended',
    flags: {
      ...START,
      'detach,d': ['bool', 'return when it runs'],
      keep: ['bool', 'do not delete it when it has ended'],
      'no-subreaper': ['bool', 'accepted for compatibility: punnet-runc never is a subreaper'],
    },
    arity: [1, 1],
    load: async () => (await import('./run.ts')).run,
  },
  spec: {
    operands: '',
    about: 'write a config.json to start from',
    flags: { ...BUNDLE, rootless: ['bool', 'for an unprivileged user'] },
    arity: [0, 0],
    load: async () => (await import('./spec.ts')).spec,
  },
  start: {
    operands: '<container-id>',
    about: 'start the program of a created container',
    flags: {},
    arity: [1, 1],
    load: async () => (await import('./start.ts')).start,
  },
  state: {
    operands: '<container-id>',
    about: 'print the state of a container',
    flags: {},
    arity: [1, 1],
    load: async () => (await import('./state.ts')).state,
  },
  update: {
    operands: '<container-id>',
    about: 'change the limits of a container',
    flags: {
      'resources,r': ['text', 'file with the resources as config.json has them, - for stdin'],
      'blkio-weight': ['number', '10 to 1000'],
      'cpu-period': ['number', 'microseconds'],
      'cpu-quota': ['number', 'microseconds of each period; -1: no limit'],
      'cpu-burst': ['number', 'microseconds'],
      'cpu-share': ['number', '2 to 262144'],
      'cpu-rt-period': ['number', 'refused: cgroup v1 only'],
      'cpu-rt-runtime': ['number', 'refused: cgroup v1 only'],
      'cpu-idle': ['number', '1: only when nobody else wants to run'],
      'cpuset-cpus': ['text', 'list, 0-3,7'],
      'cpuset-mems': ['text', 'list'],
      'kernel-memory': ['text', 'refused: the kernel no longer has it'],
      'kernel-memory-tcp': ['text', 'refused: cgroup v1 only'],
      memory: ['text', 'bytes; -1: no limit'],
      'memory-reservation': ['text', 'bytes'],
      'memory-swap': ['text', 'bytes of memory and swap together; -1: no limit'],
      'pids-limit': ['number', '-1: no limit'],
      'l3-cache-schema': ['text', 'refused: Intel RDT'],
      'mem-bw-schema': ['text', 'refused: Intel RDT'],
    },
    arity: [1, 1],
    load: async () => (await import('./update.ts')).update,
  },
};
