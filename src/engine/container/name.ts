// Names of containers: which are valid, and one made up for who gave none. Runs in the daemon.
// moby: daemon/names, internal/namesgenerator (the manner; the words are ours).

import { randomInt } from 'node:crypto';
import { invalidArgument } from '../../base/errors.ts';

const CHARACTERS = '[a-zA-Z0-9][a-zA-Z0-9_.-]';
const PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Cuts the leading slash that clients may send. @throws invalidArgument with Docker's text */
export function checkName(text: string): string {
  const name = text.replace(/^\//, '');
  if (PATTERN.test(name)) return name;
  throw invalidArgument(`Invalid container name (${text}), only ${CHARACTERS} are allowed`);
}

/** `ripe_shannon`; from the second attempt on with a digit behind it. */
export function suggestName(attempt: number): string {
  const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
  return attempt === 0 ? name : `${name}${randomInt(10)}`;
}

function pick(words: string[]): string {
  return words[randomInt(words.length)]!;
}

/** Of fruit, and of those who pick it. */
const ADJECTIVES = (
  'ample amber autumn balmy blushing brambly bright brisk candied cheerful chilled clustered coral crimson crisp dappled ' +
  'dewy early earthy fragrant fresh frosted fuzzy gathered gentle gilded glossy golden heirloom honeyed humble jammy juicy ' +
  'keen late leafy lively lush mellow merry mild minty misty nectared orchard peachy perky piquant plump prickly quiet ripe ' +
  'rosy ruddy rustic scarlet seedless shady sprightly sunlit sunny sweet tangy tart tender thorny velvet verdant vivid warm ' +
  'wild windfall woven zesty'
).split(' ');

/** People to whom computing and its neighbours owe something. */
const SURNAMES = (
  'adleman allen anning antonelli babbage backus bartik bell berners boole borg burks carson cerf chang church clarke ' +
  'conway curie curry daubechies dijkstra easley engelbart estrin euler faraday feinler franklin germain gilbreth goldberg ' +
  'granville hamilton hamming hedy herschel hoare holberton hollerith hopper hypatia jemison jennings johnson kahan kay ' +
  'kernighan kilburn kleene knuth kovalevskaya lamport lamarr liskov lovelace mccarthy mcilroy mcnulty meitner mirzakhani ' +
  'naur neumann noether nygaard perlman perlis peter pike postel rapapport ritchie robinson rosen sammet scholes shamir ' +
  'shannon shaw shirley sinclair snyder spence stallman sussman sutherland tarjan thompson turing vaughan wilkes wing ' +
  'wirth yao zuse'
).split(' ');
