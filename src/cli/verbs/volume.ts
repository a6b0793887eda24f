// Verbs of volumes. Data.

import type { Group } from '../verb.ts';
import { none, some } from './arguments.ts';

export const group: Group = {
  name: 'volume',
  summary: 'Manage volumes',
  verbs: [
    {
      name: 'create',
      summary: 'Create a volume',
      usage: '[OPTIONS] [VOLUME]',
      least: 0,
      most: 1,
      load: () => import('../verb/volume-create.ts'),
    },
    {
      name: 'inspect',
      summary: 'Display detailed information on one or more volumes',
      usage: '[OPTIONS] VOLUME [VOLUME...]',
      ...some,
      load: () => import('../verb/volume-inspect.ts'),
    },
    {
      name: 'ls',
      also: ['list'],
      summary: 'List volumes',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/volume-ls.ts'),
    },
    {
      name: 'prune',
      summary: 'Remove unused local volumes',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/volume-prune.ts'),
    },
    {
      name: 'rm',
      also: ['remove'],
      summary: 'Remove one or more volumes',
      usage: '[OPTIONS] VOLUME [VOLUME...]',
      ...some,
      load: () => import('../verb/volume-rm.ts'),
    },
  ],
};
