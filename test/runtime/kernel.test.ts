import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeHost, sh, unmet, type Host } from './container.ts';

describe.skipIf(unmet)(`on a real kernel${unmet ? `: ${unmet}` : ''}`, () => {
  let host: Host;
  beforeAll(() => {
    host = makeHost();
  });
  afterAll(() => host?.remove());

  test('x', async () => {
    console.log(await sh(host, 'id; ls -la / /dev; cat /proc/self/status | grep -E "Cap|Seccomp|NoNew"; cat /proc/self/mountinfo; cat /proc/self/cgroup; ls -la /proc/self/fd /proc/self/ns; hostname; ip addr; cat /proc/self/uid_map'));
  });
});
