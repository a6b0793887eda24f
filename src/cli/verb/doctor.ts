// punnet doctor: runs `punnetd doctor`, which looks at the host from outside the namespaces, and ends as it does.

import { spawnSync } from 'node:child_process';
import { Exit } from '../exit.ts';
import type { Flag } from '../flag.ts';
import { daemonProgram } from '../start-daemon.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [{ name: 'json', type: 'bool', help: 'Print in JSON format' }];

export const examples = ['punnet doctor', 'punnet doctor --json'];

export const run: Run = async (context, { flags }) => {
  const words = flags.on('json') ? ['doctor', '--json'] : ['doctor'];
  const program = daemonProgram();
  const { status, error } = spawnSync(program, words, { stdio: 'inherit', env: context.env });
  if (error) throw new Error(`run ${program} doctor: ${error.message}`, { cause: error });
  if (status !== 0) throw new Exit(status ?? 1);
};
