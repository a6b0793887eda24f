// The unprivileged user for whom root's test run plays the rootless part: made once, kept, with subordinate ids.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface TestUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** PUNNET_TEST_USER, or `punnet-test`; `useradd -m` (which also writes /etc/subuid and /etc/subgid) when it is absent. Root only. */
export function testUser(name = process.env.PUNNET_TEST_USER ?? 'punnet-test'): TestUser {
  const find = () =>
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields[0] === name);
  if (!find()) execFileSync('useradd', ['-m', '-s', '/bin/sh', name]);
  const fields = find();
  if (!fields) throw new Error(`useradd made no user ${name}`);
  return { name, uid: Number(fields[2]), gid: Number(fields[3]), home: fields[5]! };
}
