// `--chown=user:group`: names looked up in the image's own /etc/passwd and /etc/group, numbers taken as they are.
// Runs in the daemon. moby: daemon/builder/dockerfile/internals_linux.go, parseChownFlag

import { invalidArgument } from '../../base/errors.ts';
import { readInStack } from '../../snapshot/read-in-stack.ts';
import type { Owner } from '../../snapshot/upper-writer.ts';

const MAX_FILE = 8 << 20;
const MAX_ID = 2 ** 31 - 1;

/** `directories`: the image's layers, top first. @throws invalidArgument with Docker's texts */
export function parseOwner(text: string, directories: string[]): Owner {
  const parts = text.split(':');
  const [user = '', group] = parts;
  if (parts.length > 2 || user === '' || group === '') {
    throw wrong(`invalid chown string format: ${text}`);
  }
  const uid = number(user) ?? entryOf(user, { directories, file: '/etc/passwd', what: 'user' });
  // Without a group, the group is called as the user is, by name or number.
  const gid = number(group ?? user) ?? entryOf(group ?? user, { directories, file: '/etc/group', what: 'group' });
  return { uid, gid };
}

function number(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  if (Number(text) > MAX_ID) throw wrong(`id ${text} is out of range 0-${MAX_ID}`);
  return Number(text);
}

function entryOf(
  name: string,
  { directories, file, what }: { directories: string[]; file: string; what: string },
): number {
  const content = readInStack(directories, file, MAX_FILE)?.toString('utf8') ?? '';
  for (const line of content.split('\n')) {
    const fields = line.trim().split(':');
    if (fields[0] === name && /^\d+$/.test(fields[2] ?? '')) return Number(fields[2]);
  }
  throw wrong(`can't find ${what === 'user' ? 'uid' : 'gid'} for ${what} ${name}: no such ${what}: ${name}`);
}

function wrong(reason: string): Error {
  return invalidArgument(`unable to convert uid/gid chown string to host mapping: ${reason}`);
}
