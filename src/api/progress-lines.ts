// The answer of long work on images: JSON lines as they come. An error before the first line is an HTTP status; after it, a line.
// Runs in the daemon. moby: pkg/streamformatter

import type { Call } from './call.ts';
import { errorBody } from './status.ts';
import type { ProgressLine } from './types.ts';

export async function progressLines(
  call: Call,
  work: (progress: (line: ProgressLine) => void) => Promise<void>,
): Promise<void> {
  const { response } = call;
  const write = (line: ProgressLine) => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(`${JSON.stringify(line)}\r\n`);
  };
  try {
    await work(write);
  } catch (error) {
    if (!response.headersSent) throw error;
    const { message } = errorBody(error);
    write({ errorDetail: { message }, error: message });
  }
  if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end();
}
