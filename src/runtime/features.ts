// What this runtime can do, for `punnet-runc features`: which of it the host can, an engine finds out elsewhere. Runs in
// punnet-runc. runtime-spec features.md, features-linux.md; schema/features-schema.json

import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { seccompVersion } from '../native/addon.ts';
import { ALL_CAPABILITIES } from './capabilities.ts';
import { MOUNT_OPTIONS } from './mount-options.ts';
import { SECCOMP_ACTIONS, SECCOMP_OPERATORS } from './validate.ts';

const HOOKS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'];
const NAMESPACES: Readonly<Record<string, string>> = {
  cgroup: 'cgroup',
  ipc: 'ipc',
  mount: 'mnt',
  network: 'net',
  pid: 'pid',
  time: 'time',
  user: 'user',
  uts: 'uts',
};

/* libseccomp's of Debian 12, the oldest that is supported. */
const ARCHITECTURES = [
  'SCMP_ARCH_AARCH64',
  'SCMP_ARCH_ARM',
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_MIPSEL',
  'SCMP_ARCH_MIPSEL64',
  'SCMP_ARCH_MIPSEL64N32',
  'SCMP_ARCH_PARISC',
  'SCMP_ARCH_PARISC64',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_PPC64LE',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
  'SCMP_ARCH_X32',
  'SCMP_ARCH_X86',
  'SCMP_ARCH_X86_64',
];

/* flag → the Linux that has it; seccomp(2) */
const FLAGS: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  SECCOMP_FILTER_FLAG_TSYNC: [3, 17],
  SECCOMP_FILTER_FLAG_LOG: [4, 14],
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: [4, 17],
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: [5, 19],
};

/** The structure that `features` prints. @param version punnet's own */
export function features(version: string): object {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const flags = Object.entries(FLAGS);
  const supported = flags.filter(([, [wanted, least]]) => major > wanted || (major === wanted && minor >= least));
  const lastCapability = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.2.1',
    hooks: HOOKS,
    mountOptions: MOUNT_OPTIONS,
    linux: {
      namespaces: Object.keys(NAMESPACES).filter((type) => existsSync(`/proc/self/ns/${NAMESPACES[type]}`)),
      capabilities: ALL_CAPABILITIES.slice(0, lastCapability + 1),
      // v1 gives membership alone, on a hybrid host, through its v2 tree.
      cgroup: { v1: false, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: {
        enabled: existsSync('/proc/sys/kernel/seccomp'),
        actions: SECCOMP_ACTIONS,
        operators: SECCOMP_OPERATORS,
        archs: ARCHITECTURES,
        knownFlags: flags.map(([name]) => name),
        supportedFlags: supported.map(([name]) => name),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { 'io.github.seccomp.libseccomp.version': seccompVersion(), 'punnet.version': version },
  };
}
