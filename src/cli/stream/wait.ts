// Waits for the end of a container that is about to run. Runs in the CLI. Engine API ContainerWait.

import type { Context } from '../context.ts';
import { collectText } from './collect.ts';
import { messageOf } from '../../base/errors.ts';

interface WaitAnswer {
  StatusCode: number;
  Error?: { Message?: string } | null;
}

/** Resolves once the daemon has taken the waiter; the inner promise is the exit status, 125 when waiting failed. */
export async function awaitExit(context: Context, id: string, removed: boolean): Promise<{ status: Promise<number> }> {
  const response = await context.client.stream('POST', `/containers/${id}/wait`, {
    query: { condition: removed ? 'removed' : 'next-exit' },
  });
  const status = collectText(response.body).then(
    (text) => {
      const answer = JSON.parse(text) as WaitAnswer;
      if (!answer.Error?.Message) return answer.StatusCode;
      context.err.line(`Error waiting for container: ${answer.Error.Message}`);
      return 125;
    },
    (error: unknown) => {
      context.err.line(`error waiting for container: ${messageOf(error)}`);
      return 125;
    },
  );
  return { status };
}
