// Waits for the end of a container that is about to run. Runs in the CLI. Engine API ContainerWait.

import type { Context } from '../context.ts';
import { messageOf } from '../../base/errors.ts';

interface WaitAnswer {
  StatusCode: number;
  Error?: { Message?: string } | null;
}

/** Resolves once the daemon has taken the waiter; the inner promise is the exit status, 125 when waiting failed. */
export async function awaitExit(context: Context, id: string, removed: boolean): Promise<{ status: Promise<number> }> {
  const answer = await context.client.later('POST', `/containers/${id}/wait`, {
    query: { condition: removed ? 'removed' : 'next-exit' },
  });
  const status = answer.text.then(
    (text) => {
      const { StatusCode, Error } = JSON.parse(text) as WaitAnswer;
      if (!Error?.Message) return StatusCode;
      context.err.line(`Error waiting for container: ${Error.Message}`);
      return 125;
    },
    (error: unknown) => {
      context.err.line(`error waiting for container: ${messageOf(error)}`);
      return 125;
    },
  );
  return { status };
}
