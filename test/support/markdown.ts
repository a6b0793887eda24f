// Fenced blocks and links of the project's own documents. Pure, but for reading them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './need.ts';

export interface Document {
  /** relative to the project */
  path: string;
  text: string;
}

/** README.md and everything in docs/. */
export function documents(): Document[] {
  const names = [
    ...(existsSync(join(PROJECT, 'README.md')) ? ['README.md'] : []),
    ...readdirSync(join(PROJECT, 'docs')).map((name) => join('docs', name)),
  ];
  return names
    .filter((name) => name.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(PROJECT, path), 'utf8') }));
}

export interface Block {
  document: string;
  /** of the opening fence, from 1 */
  line: number;
  /** the words after the fence: `sh run` */
  info: string;
  code: string;
}

export function blocks({ path, text }: Document): Block[] {
  const found: Block[] = [];
  let open: Block | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence && open) {
      found.push(open);
      open = undefined;
    } else if (fence) open = { document: path, line: index + 1, info: fence[1]!.trim(), code: '' };
    else if (open) open.code += `${line}\n`;
  }
  return found;
}
