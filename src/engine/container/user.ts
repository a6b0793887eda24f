// Who a container runs as: `--user` and `--group-add` looked up in the image's /etc/passwd and /etc/group. Pure.
// Runs in the daemon. passwd(5), group(5). moby/sys/user: GetExecUser, GetAdditionalGroups.

import { invalidArgument } from '../../base/errors.ts';
import type { ContainerUser } from './spec.ts';

const MAX_ID = 2 ** 31 - 1;

export interface UserFiles {
  /** content of /etc/passwd, undefined when the image has none */
  passwd: string | undefined;
  group: string | undefined;
}

/**
 * Resolves `user`, `user:group`, numbers or names; empty is root.
 * @throws invalidArgument with Docker's texts: "unable to find user x: no matching entries in passwd file"
 */
export function lookUpUser(text: string, files: UserFiles, groupAdd: readonly string[] = []): ContainerUser {
  const colon = text.indexOf(':');
  const userText = colon < 0 ? text : text.slice(0, colon);
  const groupText = colon < 0 ? '' : text.slice(colon + 1);
  const users = entries(files.passwd, 4).map((f) => ({
    name: f[0]!,
    uid: number(f[2]) ?? 0,
    gid: number(f[3]) ?? 0,
    home: f[5] ?? '',
  }));
  const groups = entries(files.group, 3).map((f) => ({
    name: f[0]!,
    gid: number(f[2]) ?? 0,
    members: (f[3] ?? '').split(',').filter((member) => member !== ''),
  }));

  const uid = number(userText);
  const user = users.find((entry) =>
    userText === '' ? entry.uid === 0 : entry.name === userText || entry.uid === uid,
  );
  if (user === undefined && userText !== '' && uid === undefined) {
    throw invalidArgument(`unable to find user ${userText}: no matching entries in passwd file`);
  }
  let gid = user?.gid ?? 0;
  let supplementary: number[] = [];
  if (groupText !== '') {
    const wanted = number(groupText);
    const group = groups.find((entry) => entry.name === groupText || entry.gid === wanted);
    if (group === undefined && wanted === undefined) {
      throw invalidArgument(`unable to find group ${groupText}: no matching entries in group file`);
    }
    gid = group?.gid ?? wanted!;
  } else if (user !== undefined) {
    supplementary = groups.filter((entry) => entry.members.includes(user.name)).map((entry) => entry.gid);
  }
  const added = groupAdd.map((name) => {
    const wanted = number(name);
    const group = groups.find((entry) => entry.name === name || entry.gid === wanted);
    if (group === undefined && wanted === undefined) throw invalidArgument(`Unable to find group ${name}`);
    return check(group?.gid ?? wanted!);
  });
  return {
    uid: check(user?.uid ?? uid ?? 0),
    gid: check(gid),
    // The primary group is among them: without it, a file closed to that group would be open (CVE-2022-36109).
    additionalGids: [...new Set([gid, ...supplementary, ...added])],
    home: user?.home || '/',
  };
}

/** Fields of each line that has at least `fields` of them. */
function entries(text: string | undefined, fields: number): string[][] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter((line) => line.length >= fields);
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function check(id: number): number {
  if (id <= MAX_ID) return id;
  throw invalidArgument(`uids and gids must be in range 0-${MAX_ID}`);
}
