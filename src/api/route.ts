// Routes as data: method, pattern, handler. `:name` stands for one path segment, `*name` for one or more (image names
// have slashes). Runs in the daemon.

import { invalidArgument } from '../base/errors.ts';
import type { Call } from './call.ts';

export type Handler = (call: Call) => void | Promise<void>;

export interface Route {
  method: string;
  pattern: RegExp;
  names: string[];
  handler: Handler;
}

/** One line of the route table. */
export function route(method: string, path: string, handler: Handler): Route {
  const names: string[] = [];
  const pattern = path.replace(/[:*]([a-z]+)/g, (token, name: string) => {
    names.push(name);
    return token.startsWith('*') ? '(.+)' : '([^/]+)';
  });
  return { method, pattern: new RegExp(`^${pattern}$`), names, handler };
}

/**
 * The first route of the table for a request, with its decoded path parameters; undefined when there is none.
 * @throws invalidArgument for a malformed percent-encoding.
 */
export function match(
  table: Route[],
  method: string,
  path: string,
): { handler: Handler; params: Record<string, string> } | undefined {
  for (const entry of table) {
    if (entry.method !== method) continue;
    const found = entry.pattern.exec(path);
    if (found === null) continue;
    const params: Record<string, string> = {};
    entry.names.forEach((name, index) => (params[name] = decode(found[index + 1]!)));
    return { handler: entry.handler, params };
  }
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalidArgument(`invalid URL escape in ${JSON.stringify(text)}`, { cause: error });
  }
}
