// Verbs of the daemon, and those that belong to no noun. Data.

import type { Group, Verb } from '../verb.ts';
import { none, one, some } from './arguments.ts';

const info: Verb = {
  name: 'info',
  common: 12,
  summary: 'Display system-wide information',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['system info', 'info'],
  load: () => import('../verb/info.ts'),
};

const events: Verb = {
  name: 'events',
  summary: 'Get real time events from the server',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['system events', 'events'],
  load: () => import('../verb/events.ts'),
};

/** Verbs that stand alone. */
export const verbs: Verb[] = [
  info,
  events,
  {
    name: 'search',
    common: 11,
    summary: 'Search Docker Hub for images',
    usage: '[OPTIONS] TERM',
    ...one,
    load: () => import('../verb/search.ts'),
  },
  {
    name: 'login',
    common: 8,
    summary: 'Authenticate to a registry',
    usage: '[OPTIONS] [SERVER]',
    least: 0,
    most: 1,
    load: () => import('../verb/login.ts'),
  },
  {
    name: 'logout',
    common: 9,
    summary: 'Log out from a registry',
    usage: '[SERVER]',
    least: 0,
    most: 1,
    load: () => import('../verb/logout.ts'),
  },
  {
    name: 'version',
    common: 10,
    summary: 'Show the punnet version information',
    usage: '[OPTIONS]',
    ...none,
    load: () => import('../verb/version.ts'),
  },
  {
    name: 'inspect',
    summary: 'Return low-level information on punnet objects',
    usage: '[OPTIONS] NAME|ID [NAME|ID...]',
    ...some,
    completes: 'container',
    load: () => import('../verb/inspect.ts'),
  },
  {
    name: 'doctor',
    common: 13,
    summary: 'Check what this host offers and say how to mend what is missing',
    usage: '[OPTIONS]',
    ...none,
    load: () => import('../verb/doctor.ts'),
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    usage: 'bash|zsh|fish',
    ...one,
    load: () => import('../verb/completion.ts'),
  },
  {
    name: 'docker-env',
    summary: 'Print what points every Docker client of a shell at punnet',
    usage: '',
    ...none,
    load: () => import('../verb/docker-env.ts'),
  },
];

export const group: Group = {
  name: 'system',
  summary: 'Manage punnet',
  verbs: [
    {
      name: 'check',
      summary: 'Check every blob, layer and record of the store',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/system-check.ts'),
    },
    {
      name: 'df',
      summary: 'Show punnet disk usage',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/system-df.ts'),
    },
    events,
    { ...info, common: undefined },
    {
      name: 'prune',
      summary: 'Remove unused data',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/system-prune.ts'),
    },
    {
      name: 'stop',
      summary: 'End the daemon; running containers go on',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/system-stop.ts'),
    },
  ],
};
