// The terminal while a container has it: bytes as they are, both ways. Runs in the CLI, as the user. termios(3), stty(1)

import { spawnSync } from 'node:child_process';
import type { Context } from '../context.ts';

/** Every key goes to the container and every byte comes as it is; `NORAW` forbids it, as it does docker. @returns what gives the terminal back */
export function rawMode(context: Context): () => void {
  if (!context.inputIsTerminal || context.env.NORAW) return () => {};
  const restore = () => void process.stdin.setRawMode(false);
  process.stdin.setRawMode(true);
  // Node's raw mode goes on writing CR LF for LF, and the container's terminal has done so already. Without stty(1) the
  // second CR stays, which nobody sees. Leaving raw mode restores all of it.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  process.once('exit', restore);
  return () => {
    process.removeListener('exit', restore);
    restore();
  };
}
