// punnet-runc checkpoint and restore: refused by name, so that an engine can say why.

import { PunnetError } from '../../base/errors.ts';

export function refuse(): number {
  throw new PunnetError('notImplemented', 'checkpoint and restore are not supported: punnet-runc does not use CRIU');
}
