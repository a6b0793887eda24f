// Says in an error which verb failed, as runc does: `punnet-runc create failed: …`.

import { messageOf, PunnetError } from '../../base/errors.ts';

export function during<T>(verb: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof PunnetError) || error.kind === 'notFound' || error.kind === 'conflict') throw error;
    throw new PunnetError(error.kind, `punnet-runc ${verb} failed: ${messageOf(error)}`, {
      cause: error,
      fix: error.fix,
    });
  }
}
