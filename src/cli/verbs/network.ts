// Verbs of networks. Data.

import type { Group } from '../verb.ts';
import { none, one, some, two } from './arguments.ts';

export const group: Group = {
  name: 'network',
  summary: 'Manage networks',
  verbs: [
    {
      name: 'connect',
      summary: 'Connect a container to a network',
      usage: '[OPTIONS] NETWORK CONTAINER',
      ...two,
      completes: 'network',
      load: () => import('../verb/network-connect.ts'),
    },
    {
      name: 'create',
      summary: 'Create a network',
      usage: '[OPTIONS] NETWORK',
      ...one,
      load: () => import('../verb/network-create.ts'),
    },
    {
      name: 'disconnect',
      summary: 'Disconnect a container from a network',
      usage: '[OPTIONS] NETWORK CONTAINER',
      ...two,
      completes: 'network',
      load: () => import('../verb/network-disconnect.ts'),
    },
    {
      name: 'inspect',
      summary: 'Display detailed information on one or more networks',
      usage: '[OPTIONS] NETWORK [NETWORK...]',
      ...some,
      completes: 'network',
      load: () => import('../verb/network-inspect.ts'),
    },
    {
      name: 'ls',
      also: ['list'],
      summary: 'List networks',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/network-ls.ts'),
    },
    {
      name: 'prune',
      summary: 'Remove all unused networks',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/network-prune.ts'),
    },
    {
      name: 'rm',
      also: ['remove'],
      summary: 'Remove one or more networks',
      usage: 'NETWORK [NETWORK...]',
      ...some,
      completes: 'network',
      load: () => import('../verb/network-rm.ts'),
    },
  ],
};
