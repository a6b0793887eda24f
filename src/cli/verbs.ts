// Every verb of the command line, one entry each; `container`, `image` and `system` gather them as docker does. Data.

import type { Group, Verb } from './verb.ts';

const none = { least: 0, most: 0 };
const one = { least: 1, most: 1 };
const two = { least: 2, most: 2 };
const some = { least: 1 };

const containerVerbs: Verb[] = [
  {
    name: 'attach',
    summary: 'Attach local standard input, output, and error streams to a running container',
    usage: '[OPTIONS] CONTAINER',
    ...one,
    completes: 'running',
    load: () => import('./verb/attach.ts'),
  },
  {
    name: 'create',
    summary: 'Create a new container',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    ...some,
    interspersed: false,
    completes: 'image',
    load: () => import('./verb/create.ts'),
  },
  {
    name: 'kill',
    summary: 'Kill one or more running containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('./verb/kill.ts'),
  },
  {
    name: 'logs',
    summary: 'Fetch the logs of a container',
    usage: '[OPTIONS] CONTAINER',
    ...one,
    completes: 'container',
    load: () => import('./verb/logs.ts'),
  },
  {
    name: 'port',
    summary: 'List port mappings or a specific mapping for the container',
    usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
    least: 1,
    most: 2,
    completes: 'running',
    load: () => import('./verb/port.ts'),
  },
  {
    name: 'rename',
    summary: 'Rename a container',
    usage: 'CONTAINER NEW_NAME',
    ...two,
    completes: 'container',
    load: () => import('./verb/rename.ts'),
  },
  {
    name: 'restart',
    summary: 'Restart one or more containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('./verb/restart.ts'),
  },
  {
    name: 'rm',
    also: ['remove'],
    summary: 'Remove one or more containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('./verb/rm.ts'),
  },
  {
    name: 'run',
    common: 1,
    summary: 'Create and run a new container from an image',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    ...some,
    interspersed: false,
    completes: 'image',
    load: () => import('./verb/run.ts'),
  },
  {
    name: 'start',
    summary: 'Start one or more stopped containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'container',
    load: () => import('./verb/start.ts'),
  },
  {
    name: 'stop',
    summary: 'Stop one or more running containers',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('./verb/stop.ts'),
  },
  {
    name: 'wait',
    summary: 'Block until one or more containers stop, then print their exit codes',
    usage: 'CONTAINER [CONTAINER...]',
    ...some,
    completes: 'running',
    load: () => import('./verb/wait.ts'),
  },
];

const ps: Verb = {
  name: 'ps',
  common: 3,
  summary: 'List containers',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['container ls', 'container list', 'container ps', 'ps'],
  load: () => import('./verb/ps.ts'),
};

const pull: Verb = {
  name: 'pull',
  common: 5,
  summary: 'Download an image from a registry',
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  ...one,
  aliases: ['image pull', 'pull'],
  load: () => import('./verb/pull.ts'),
};

const images: Verb = {
  name: 'images',
  common: 7,
  summary: 'List images',
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  least: 0,
  most: 1,
  aliases: ['image ls', 'image list', 'images'],
  completes: 'image',
  load: () => import('./verb/images.ts'),
};

const rmi: Verb = {
  name: 'rmi',
  summary: 'Remove one or more images',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  ...some,
  aliases: ['image rm', 'image remove', 'rmi'],
  completes: 'image',
  load: () => import('./verb/rmi.ts'),
};

const tag: Verb = {
  name: 'tag',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  ...two,
  interspersed: false,
  aliases: ['image tag', 'tag'],
  completes: 'image',
  load: () => import('./verb/tag.ts'),
};

const info: Verb = {
  name: 'info',
  common: 12,
  summary: 'Display system-wide information',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['system info', 'info'],
  load: () => import('./verb/info.ts'),
};

/** Verbs that stand alone: `punnet run`. */
export const verbs: Verb[] = [
  ...containerVerbs.map((verb) => ({ ...verb, aliases: containerNames(verb) })),
  ps,
  pull,
  images,
  rmi,
  tag,
  info,
  {
    name: 'version',
    common: 10,
    summary: 'Show the punnet version information',
    usage: '[OPTIONS]',
    ...none,
    load: () => import('./verb/version.ts'),
  },
  {
    name: 'inspect',
    summary: 'Return low-level information on punnet objects',
    usage: '[OPTIONS] NAME|ID [NAME|ID...]',
    ...some,
    completes: 'container',
    load: () => import('./verb/inspect.ts'),
  },
  {
    name: 'doctor',
    common: 13,
    summary: 'Check what this host offers and say how to mend what is missing',
    usage: '[OPTIONS]',
    ...none,
    load: () => import('./verb/doctor.ts'),
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    usage: 'bash|zsh|fish',
    ...one,
    load: () => import('./verb/completion.ts'),
  },
];

/** Verbs behind a noun: `punnet container ls`. */
export const groups: Group[] = [
  {
    name: 'container',
    summary: 'Manage containers',
    verbs: [
      ...containerVerbs.map((verb) => ({ ...verb, common: undefined, aliases: containerNames(verb) })),
      { ...ps, name: 'ls', also: ['list', 'ps'], common: undefined },
      {
        name: 'inspect',
        summary: 'Display detailed information on one or more containers',
        usage: '[OPTIONS] CONTAINER [CONTAINER...]',
        ...some,
        completes: 'container',
        load: () => import('./verb/inspect-container.ts'),
      },
    ],
  },
  {
    name: 'image',
    summary: 'Manage images',
    verbs: [
      { ...images, name: 'ls', also: ['list'], common: undefined },
      { ...pull, common: undefined },
      { ...rmi, name: 'rm', also: ['rmi', 'remove'] },
      tag,
      {
        name: 'inspect',
        summary: 'Display detailed information on one or more images',
        usage: '[OPTIONS] IMAGE [IMAGE...]',
        ...some,
        completes: 'image',
        load: () => import('./verb/inspect-image.ts'),
      },
    ],
  },
  {
    name: 'system',
    summary: 'Manage punnet',
    verbs: [
      {
        name: 'check',
        summary: 'Check every blob, layer and record of the store',
        usage: '[OPTIONS]',
        ...none,
        load: () => import('./verb/system-check.ts'),
      },
      {
        name: 'df',
        summary: 'Show punnet disk usage',
        usage: '[OPTIONS]',
        ...none,
        load: () => import('./verb/system-df.ts'),
      },
      { ...info, common: undefined },
      {
        name: 'stop',
        summary: 'End the daemon; running containers go on',
        usage: '[OPTIONS]',
        ...none,
        load: () => import('./verb/system-stop.ts'),
      },
    ],
  },
];

function containerNames({ name, also = [] }: Verb): string[] {
  return [name, ...also].map((each) => `container ${each}`).concat(name);
}
