// A seccomp profile, as `--security-opt seccomp=FILE` holds it, resolved for one container: which rules apply to its
// capabilities, architecture and kernel. The result is the seccomp section of config.json. Pure. moby profiles/seccomp

import { invalidArgument } from '../base/errors.ts';
import type { SeccompAction, SeccompArg, SeccompSyscall, SpecSeccomp } from '../base/oci-runtime.ts';
import { ALLOWED, CONDITIONAL, type ProfileRule } from './seccomp-profile.ts';

interface Condition {
  caps?: string[] | null;
  arches?: string[] | null;
  minKernel?: string | null;
}

/** Docker's file format. */
export interface ProfileFile {
  defaultAction: SeccompAction;
  defaultErrnoRet?: number;
  architectures?: string[] | null;
  archMap?: { architecture: string; subArchitectures?: string[] | null }[] | null;
  flags?: string[] | null;
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?:
    | {
        names?: string[] | null;
        /** the old spelling of one name */
        name?: string;
        action: SeccompAction;
        errnoRet?: number;
        args?: SeccompArg[] | null;
        includes?: Condition | null;
        excludes?: Condition | null;
      }[]
    | null;
}

export interface ProfileContext {
  /** the container's bounding set */
  capabilities: readonly string[];
  /** Node's spelling: x64, arm64 */
  arch: string;
  /** `6.1` */
  kernel: string;
}

/* Node's spelling → Go's, which profiles use, and libseccomp's. */
const ARCHITECTURES: Record<string, { go: string; native: string }> = {
  x64: { go: 'amd64', native: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', native: 'SCMP_ARCH_AARCH64' },
  ppc64: { go: 'ppc64le', native: 'SCMP_ARCH_PPC64LE' },
  s390x: { go: 's390x', native: 'SCMP_ARCH_S390X' },
  riscv64: { go: 'riscv64', native: 'SCMP_ARCH_RISCV64' },
};

const ARCH_MAP = [
  { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
  { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
  { architecture: 'SCMP_ARCH_S390X', subArchitectures: ['SCMP_ARCH_S390'] },
  { architecture: 'SCMP_ARCH_RISCV64' },
];

let built: ProfileFile | undefined;

/** Docker's default profile in the file format. One object, so that what is made of it can be remembered. */
export function defaultProfile(): ProfileFile {
  built ??= {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    archMap: ARCH_MAP,
    syscalls: [
      { names: Object.values(ALLOWED).flatMap(words), action: 'SCMP_ACT_ALLOW' },
      ...CONDITIONAL.map(fileRule),
    ],
  };
  return built;
}

function fileRule({ calls, when = {}, errno, args }: ProfileRule): NonNullable<ProfileFile['syscalls']>[number] {
  const includes: Condition = {};
  const excludes: Condition = {};
  if (when.cap) includes.caps = [when.cap];
  if (when.arch) includes.arches = [...when.arch];
  if (when.kernel) includes.minKernel = when.kernel;
  if (when.without) excludes.caps = [when.without];
  if (when.notArch) excludes.arches = [...when.notArch];
  return {
    names: words(calls),
    action: errno === undefined ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_ERRNO',
    ...(errno === undefined ? {} : { errnoRet: errno }),
    ...(args ? { args: [...args] } : {}),
    includes,
    excludes,
  };
}

/**
 * The rules that apply to one container.
 * @throws invalidArgument with Docker's text for a profile that says one thing twice
 */
export function resolveProfile(profile: ProfileFile, context: ProfileContext): SpecSeccomp {
  if (profile !== built) return resolve(profile, context);
  const key = JSON.stringify(context);
  const section = resolved.get(key) ?? resolve(profile, context);
  resolved.set(key, section);
  return section;
}

/* Sections of the default profile: one for each set of capabilities. */
const resolved = new Map<string, SpecSeccomp>();

function resolve(profile: ProfileFile, context: ProfileContext): SpecSeccomp {
  if (profile.architectures?.length && profile.archMap?.length) {
    throw invalidArgument(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  if (!profile.defaultAction) throw invalidArgument('Decoding seccomp profile failed: no defaultAction');
  const section: SpecSeccomp = { defaultAction: profile.defaultAction, syscalls: [] };
  if (profile.defaultErrnoRet !== undefined) section.defaultErrnoRet = profile.defaultErrnoRet;
  if (profile.flags) section.flags = profile.flags;
  if (profile.listenerPath) section.listenerPath = profile.listenerPath;
  if (profile.listenerMetadata) section.listenerMetadata = profile.listenerMetadata;
  section.architectures = architectures(profile, context);
  for (const call of profile.syscalls ?? []) {
    if (call.name && call.names?.length) {
      throw invalidArgument(
        "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'",
      );
    }
    if (!applies(call, context)) continue;
    const rule: SeccompSyscall = { names: call.name ? [call.name] : (call.names ?? []), action: call.action };
    if (call.errnoRet !== undefined) rule.errnoRet = call.errnoRet;
    if (call.args?.length) rule.args = call.args;
    section.syscalls!.push(rule);
  }
  return section;
}

function architectures(profile: ProfileFile, { arch }: ProfileContext): string[] {
  if (profile.architectures?.length) return profile.architectures;
  const native = ARCHITECTURES[arch]?.native;
  const entry = profile.archMap?.find(({ architecture }) => architecture === native);
  return entry ? [entry.architecture, ...(entry.subArchitectures ?? [])] : [];
}

function applies(
  { includes, excludes }: { includes?: Condition | null; excludes?: Condition | null },
  { capabilities, arch, kernel }: ProfileContext,
): boolean {
  const go = ARCHITECTURES[arch]?.go ?? arch;
  if (excludes?.arches?.includes(go)) return false;
  if (excludes?.caps?.some((cap) => capabilities.includes(cap))) return false;
  if (excludes?.minKernel && isAtLeast(kernel, excludes.minKernel)) return false;
  if (includes?.arches?.length && !includes.arches.includes(go)) return false;
  if (includes?.caps?.some((cap) => !capabilities.includes(cap))) return false;
  return !includes?.minKernel || isAtLeast(kernel, includes.minKernel);
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
