// Verbs of containers: `punnet run` and `punnet container run` are one entry. Data.

import type { Group, Verb } from '../verb.ts';
import { none, one, some, two } from './arguments.ts';

const containerVerbs: Verb[] = [
  {
    name: 'attach',
    summary: 'Attach local standard input, output, and error streams to a running container',
    usage: '[OPTIONS] CONTAINER',
    ...one,
    completes: 'running',
    load: () => import('../verb/attach.ts'),
  },
  {
    name: 'cp',
    summary: 'Copy files/folders between a container and the local filesystem',
    usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tpunnet cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
    ...two,
    completes: 'container',
    load: () => import('../verb/cp.ts'),
  },
  {
    name: 'create',
    summary: 'Create a new container',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    ...some,
    interspersed: false,
    completes: 'image',
    load: () => import('../verb/create.ts'),
  },
  {
    name: 'diff',
    summary: "Inspect changes to files or directories on a container's filesystem",
    usage: 'CONTAINER',
    ...one,
    completes: 'container',
    load: () => import('../verb/diff.ts'),
  },
  {
    name: 'exec',
    common: 2,
    summary: 'Execute a command in a running container',
    usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
    least: 2,
    interspersed: false,
    completes: 'running',
    load: () => import('../verb/exec.ts'),
  },
  {
    name: 'export',
    summary: "Export a container's filesystem as a tar archive",
    usage: '[OPTIONS] CONTAINER',
    ...one,
    completes: 'container',
    load: () => import('../verb/export.ts'),
  },
  {
    name: 'kill',
    summary: 'Kill one or more running containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('../verb/kill.ts'),
  },
  {
    name: 'logs',
    summary: 'Fetch the logs of a container',
    usage: '[OPTIONS] CONTAINER',
    ...one,
    completes: 'container',
    load: () => import('../verb/logs.ts'),
  },
  {
    name: 'pause',
    summary: 'Pause all processes within one or more containers',
    usage: 'CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('../verb/pause.ts'),
  },
  {
    name: 'port',
    summary: 'List port mappings or a specific mapping for the container',
    usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
    least: 1,
    most: 2,
    completes: 'running',
    load: () => import('../verb/port.ts'),
  },
  {
    name: 'rename',
    summary: 'Rename a container',
    usage: 'CONTAINER NEW_NAME',
    ...two,
    completes: 'container',
    load: () => import('../verb/rename.ts'),
  },
  {
    name: 'restart',
    summary: 'Restart one or more containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('../verb/restart.ts'),
  },
  {
    name: 'rm',
    also: ['remove'],
    summary: 'Remove one or more containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('../verb/rm.ts'),
  },
  {
    name: 'run',
    common: 1,
    summary: 'Create and run a new container from an image',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    ...some,
    interspersed: false,
    completes: 'image',
    load: () => import('../verb/run.ts'),
  },
  {
    name: 'start',
    summary: 'Start one or more stopped containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('../verb/start.ts'),
  },
  {
    name: 'stats',
    summary: 'Display a live stream of container(s) resource usage statistics',
    usage: '[OPTIONS] [CONTAINER...]',
    least: 0,
    completes: 'running',
    load: () => import('../verb/stats.ts'),
  },
  {
    name: 'stop',
    summary: 'Stop one or more running containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('../verb/stop.ts'),
  },
  {
    name: 'top',
    summary: 'Display the running processes of a container',
    usage: 'CONTAINER [ps OPTIONS]',
    ...some,
    interspersed: false,
    completes: 'running',
    load: () => import('../verb/top.ts'),
  },
  {
    name: 'unpause',
    summary: 'Unpause all processes within one or more containers',
    usage: 'CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('../verb/unpause.ts'),
  },
  {
    name: 'update',
    summary: 'Update configuration of one or more containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('../verb/update.ts'),
  },
  {
    name: 'wait',
    summary: 'Block until one or more containers stop, then print their exit codes',
    usage: 'CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('../verb/wait.ts'),
  },
];

const ps: Verb = {
  name: 'ps',
  common: 3,
  summary: 'List containers',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['container ls', 'container list', 'container ps', 'ps'],
  load: () => import('../verb/ps.ts'),
};

/** Verbs that stand alone. */
export const verbs: Verb[] = [...containerVerbs.map((verb) => ({ ...verb, aliases: names(verb) })), ps];

export const group: Group = {
  name: 'container',
  summary: 'Manage containers',
  verbs: [
    ...containerVerbs.map((verb) => ({ ...verb, common: undefined, aliases: names(verb) })),
    { ...ps, name: 'ls', also: ['list', 'ps'], common: undefined },
    {
      name: 'inspect',
      summary: 'Display detailed information on one or more containers',
      usage: '[OPTIONS] CONTAINER [CONTAINER...]',
      ...some,
      completes: 'container',
      load: () => import('../verb/inspect-container.ts'),
    },
    {
      name: 'prune',
      summary: 'Remove all stopped containers',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/container-prune.ts'),
    },
  ],
};

function names({ name, also = [] }: Verb): string[] {
  return [name, ...also].map((each) => `container ${each}`).concat(name);
}
