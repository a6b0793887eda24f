// Every verb of the command line, one entry each; nouns gather them as docker does. Data.

import type { Group, Verb } from './verb.ts';
import * as build from './verbs/build.ts';
import * as container from './verbs/container.ts';
import * as image from './verbs/image.ts';
import * as network from './verbs/network.ts';
import * as system from './verbs/system.ts';
import * as volume from './verbs/volume.ts';

/** Verbs that stand alone: `punnet run`. */
export const verbs: Verb[] = [...build.verbs, ...container.verbs, ...image.verbs, ...system.verbs];

/** Verbs behind a noun: `punnet container ls`. */
export const groups: Group[] = [build.group, container.group, image.group, network.group, system.group, volume.group];
