// Reads a stream of JSON values. Runs in the CLI.

import type { Readable } from 'node:stream';

/** Calls `each` with every JSON value of a stream of lines (or of values that follow each other). */
export async function eachJson<T>(body: Readable, each: (value: T) => void): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const part of body) {
    rest += decoder.decode(part as Buffer, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') each(JSON.parse(line) as T);
  }
  if (rest.trim() !== '') each(JSON.parse(rest) as T);
}
