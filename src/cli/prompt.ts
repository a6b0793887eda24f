// Asks for a line at the terminal; a hidden one is not echoed. Runs in the CLI, as the user. termios(3)

import type { Context } from './context.ts';
import { Exit } from './exit.ts';

/** @throws Exit 130 at Ctrl-C */
export async function promptFor(
  context: Context,
  { text, hidden }: { text: string; hidden: boolean },
): Promise<string> {
  context.out.write(text);
  process.stdin.setRawMode(hidden);
  const restore = () => void process.stdin.setRawMode(false);
  process.once('exit', restore);
  try {
    const line = await lineFrom(process.stdin);
    if (hidden && line.includes('\x03')) throw new Exit(130);
    const [answer = ''] = line.split(/[\r\n\x04]/);
    return hidden ? withoutErased(answer) : answer;
  } finally {
    restore();
    process.removeListener('exit', restore);
    if (hidden) context.out.write('\n');
  }
}

/** All that comes until a line ends, or the input. */
function lineFrom(input: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve) => {
    let line = '';
    const finish = () => {
      input.off('data', take).off('end', finish).pause();
      resolve(line);
    };
    const take = (chunk: Buffer) => {
      line += chunk.toString('utf8');
      if (/[\r\n\x03\x04]/.test(line)) finish();
    };
    input.on('data', take).on('end', finish);
  });
}

/** Raw bytes: backspace takes the character before it along. */
function withoutErased(text: string): string {
  const kept: string[] = [];
  for (const character of text) {
    if (character === '\x7f' || character === '\b') kept.pop();
    else kept.push(character);
  }
  return kept.join('');
}
