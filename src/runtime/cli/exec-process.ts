// What exec runs: the container's own process with what the flags change, or a process.json. Pure but for reading that file.

import { readFileSync } from 'node:fs';
import { invalidArgument, messageOf } from '../../base/errors.ts';
import type { SpecCapabilities, SpecProcess } from '../../base/oci-runtime.ts';
import { capabilityMask } from '../capabilities.ts';
import type { Flags } from './flags.ts';

export function execProcess(base: SpecProcess, { flags, command }: { flags: Flags; command: string[] }): SpecProcess {
  const file = flags.text('process');
  if (file !== undefined) return readProcess(file);
  if (command.length === 0) throw invalidArgument('process args cannot be empty');
  const number = (text: string) => {
    if (!/^\d+$/.test(text))
      throw invalidArgument(`parsing ${JSON.stringify(text)} as int for uid failed: invalid syntax`);
    return Number(text);
  };
  const [uid, gid] = flags.text('user')?.split(':') ?? [];
  const groups = flags.list('additional-gids').map(number);
  const label = flags.text('process-label');
  const profile = flags.text('apparmor');
  return {
    ...base,
    args: command,
    cwd: flags.text('cwd') ?? base.cwd,
    env: [...(base.env ?? []), ...flags.list('env')],
    terminal: flags.bool('tty'),
    user: {
      ...base.user,
      ...(uid === undefined ? {} : { uid: number(uid) }),
      ...(gid === undefined ? {} : { gid: number(gid) }),
      additionalGids: [...(base.user.additionalGids ?? []), ...groups],
    },
    ...(label === undefined ? {} : { selinuxLabel: label }),
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    noNewPrivileges: flags.bool('no-new-privs') || base.noNewPrivileges,
    capabilities: withAdded(base.capabilities, flags.list('cap')),
  };
}

function readProcess(path: string): SpecProcess {
  let program: SpecProcess;
  try {
    program = JSON.parse(readFileSync(path, 'utf8')) as SpecProcess;
  } catch (error) {
    throw invalidArgument(`${path}: ${messageOf(error)}`, { cause: error });
  }
  if (!program.args?.length) throw invalidArgument('process args must not be empty');
  if (!program.cwd?.startsWith('/')) throw invalidArgument('Cwd must be an absolute path');
  return { ...program, user: program.user ?? { uid: 0, gid: 0 } };
}

/* Ambient too, or a program of an unprivileged user would not have them. */
function withAdded(base: SpecCapabilities = {}, added: string[]): SpecCapabilities {
  if (added.length === 0) return base;
  capabilityMask(added);
  const also = (names: string[] = []) => [...new Set([...names, ...added])];
  const { bounding, effective, permitted, inheritable, ambient } = base;
  return {
    bounding: also(bounding),
    effective: also(effective),
    permitted: also(permitted),
    inheritable: also(inheritable),
    ambient: also(ambient),
  };
}
