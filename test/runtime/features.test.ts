// What `punnet-runc features` says is what the compiler takes.

import { expect, test } from 'vitest';
import { ALL_CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { features } from '../../src/runtime/features.ts';
import { parseMountOptions } from '../../src/runtime/mount-options.ts';

interface Features {
  ociVersionMin: string;
  hooks: string[];
  mountOptions: string[];
  linux: {
    namespaces: string[];
    capabilities: string[];
    seccomp: { enabled: boolean; knownFlags: string[]; supportedFlags: string[] };
    intelRdt: { enabled: boolean };
  };
}

const said = features('0.0.0') as Features;

test('every mount option that is listed is taken, and none goes to the filesystem', () => {
  expect(said.mountOptions.length).toBeGreaterThan(50);
  for (const option of said.mountOptions) expect([option, parseMountOptions([option]).data]).toEqual([option, null]);
  expect(new Set(said.mountOptions).size).toBe(said.mountOptions.length);
  expect(said.mountOptions).toEqual(
    expect.arrayContaining(['rro', 'rnosuid', 'ridmap', 'tmpcopyup', 'rshared', 'rbind']),
  );
});

test('namespaces, capabilities and hooks are those that exist; what is refused is said so', () => {
  expect(said.linux.namespaces).toEqual(
    expect.arrayContaining(['cgroup', 'ipc', 'mount', 'network', 'pid', 'user', 'uts']),
  );
  for (const name of said.linux.capabilities) expect(ALL_CAPABILITIES).toContain(name);
  expect(said.hooks).toHaveLength(6);
  expect(said.linux.intelRdt.enabled).toBe(false);
  for (const flag of said.linux.seccomp.supportedFlags) expect(said.linux.seccomp.knownFlags).toContain(flag);
});
