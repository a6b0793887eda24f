// Verbs of images: `punnet pull` and `punnet image pull` are one entry. Data.

import type { Group, Verb } from '../verb.ts';
import { none, one, some, two } from './arguments.ts';
import { imageVerbs } from './build.ts';

const pull: Verb = {
  name: 'pull',
  common: 5,
  summary: 'Download an image from a registry',
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  ...one,
  aliases: ['image pull', 'pull'],
  load: () => import('../verb/pull.ts'),
};

const push: Verb = {
  name: 'push',
  common: 6,
  summary: 'Upload an image to a registry',
  usage: '[OPTIONS] NAME[:TAG]',
  ...one,
  aliases: ['image push', 'push'],
  completes: 'image',
  load: () => import('../verb/push.ts'),
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
  load: () => import('../verb/images.ts'),
};

const rmi: Verb = {
  name: 'rmi',
  summary: 'Remove one or more images',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  ...some,
  aliases: ['image rm', 'image remove', 'rmi'],
  completes: 'image',
  load: () => import('../verb/rmi.ts'),
};

const tag: Verb = {
  name: 'tag',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  ...two,
  interspersed: false,
  aliases: ['image tag', 'tag'],
  completes: 'image',
  load: () => import('../verb/tag.ts'),
};

const history: Verb = {
  name: 'history',
  summary: 'Show the history of an image',
  usage: '[OPTIONS] IMAGE',
  ...one,
  aliases: ['image history', 'history'],
  completes: 'image',
  load: () => import('../verb/history.ts'),
};

const importVerb: Verb = {
  name: 'import',
  summary: 'Import the contents from a tarball to create a filesystem image',
  usage: '[OPTIONS] file|- [REPOSITORY[:TAG]]',
  least: 1,
  most: 2,
  aliases: ['image import', 'import'],
  load: () => import('../verb/import.ts'),
};

const save: Verb = {
  name: 'save',
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  ...some,
  aliases: ['image save', 'save'],
  completes: 'image',
  load: () => import('../verb/save.ts'),
};

const load: Verb = {
  name: 'load',
  summary: 'Load an image from a tar archive or STDIN',
  usage: '[OPTIONS]',
  ...none,
  aliases: ['image load', 'load'],
  load: () => import('../verb/load.ts'),
};

/** Verbs that stand alone. */
export const verbs: Verb[] = [pull, push, images, rmi, tag, history, importVerb, save, load];

export const group: Group = {
  name: 'image',
  summary: 'Manage images',
  verbs: [
    ...imageVerbs,
    { ...images, name: 'ls', also: ['list'], common: undefined },
    { ...pull, common: undefined },
    { ...push, common: undefined },
    { ...rmi, name: 'rm', also: ['rmi', 'remove'] },
    tag,
    history,
    importVerb,
    save,
    load,
    {
      name: 'prune',
      summary: 'Remove unused images',
      usage: '[OPTIONS]',
      ...none,
      load: () => import('../verb/image-prune.ts'),
    },
    {
      name: 'inspect',
      summary: 'Display detailed information on one or more images',
      usage: '[OPTIONS] IMAGE [IMAGE...]',
      ...some,
      completes: 'image',
      load: () => import('../verb/inspect-image.ts'),
    },
  ],
};
