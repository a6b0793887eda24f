// punnet-runc features: what engines ask a runtime before they hand it a container. runtime-spec features.md

import manifest from '../../../package.json' with { type: 'json' };
import { features } from '../features.ts';
import { say } from './say.ts';

export function printFeatures(): number {
  say(1, `${JSON.stringify(features(manifest.version), null, 2)}\n`);
  return 0;
}
