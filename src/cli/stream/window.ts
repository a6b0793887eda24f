// Keeps the container's terminal as large as this one. Runs in the CLI. SIGWINCH; Engine API ContainerResize.

import type { Context } from '../context.ts';

/** Sends the size now and at every change, until the returned function is called. `path`: `/containers/ID` or `/exec/ID` */
export function followWindow(context: Context, path: string): () => void {
  if (!context.out.isTerminal) return () => {};
  const send = (grow = 0) => {
    const { rows, columns } = context.out.size();
    if (rows === 0 && columns === 0) return;
    // A container that has just ended has no terminal any more.
    context.client.call('POST', `${path}/resize`, { query: { h: rows + grow, w: columns + grow } }).catch(() => {});
  };
  const changed = () => send();
  process.on('SIGWINCH', changed);
  send();
  return () => process.removeListener('SIGWINCH', changed);
}

/** A changed size makes a shell draw its prompt again: what one sees after a second attach. */
export async function nudgeWindow(context: Context, id: string): Promise<void> {
  const { rows, columns } = context.out.size();
  if (rows === 0 && columns === 0) return;
  await context.client
    .call('POST', `/containers/${id}/resize`, { query: { h: rows + 1, w: columns + 1 } })
    .catch(() => {});
}
