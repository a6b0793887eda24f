// Verbs of building images. Data.

import type { Group, Verb } from '../verb.ts';
import { none, one } from './arguments.ts';

const build: Verb = {
  name: 'build',
  common: 4,
  summary: 'Build an image from a Dockerfile',
  usage: '[OPTIONS] PATH | URL | -',
  ...one,
  aliases: ['image build', 'builder build', 'build'],
  load: () => import('../verb/build.ts'),
};

/** Verbs that stand alone. */
export const verbs: Verb[] = [build];

export const group: Group = {
  name: 'builder',
  summary: 'Manage builds',
  verbs: [
    { ...build, common: undefined },
    {
      name: 'prune',
      summary: 'Remove build cache',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/builder-prune.ts'),
    },
  ],
};

/** Behind another noun, too. */
export const imageVerbs: Verb[] = [{ ...build, common: undefined }];
