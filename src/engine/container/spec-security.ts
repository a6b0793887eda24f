// --security-opt, decoded with Docker's error texts. Pure. moby daemon/daemon_unix.go parseSecurityOpt

import { invalidArgument, messageOf, PunnetError } from '../../base/errors.ts';
import type { ProfileFile } from '../../runtime/seccomp.ts';

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `writable-cgroups=true` */
  writableCgroups: boolean;
  seccomp: 'default' | 'unconfined' | ProfileFile;
}

/**
 * Decodes HostConfig.SecurityOpt. The client has read a seccomp file already: the option holds its JSON.
 * @throws invalidArgument with Docker's text; notImplemented for labels and profiles that this runtime cannot apply.
 */
export function securityOptions(options: readonly string[] | null | undefined): SecurityOptions {
  const result: SecurityOptions = { noNewPrivileges: false, writableCgroups: false, seccomp: 'default' };
  for (const option of options ?? []) take(result, option);
  return result;
}

function take(result: SecurityOptions, option: string): void {
  if (option === 'no-new-privileges') {
    result.noNewPrivileges = true;
    return;
  }
  if (option === 'disable') return;
  const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
  if (at < 0) throw invalidArgument(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  const value = option.slice(at + 1);
  switch (option.slice(0, at)) {
    case 'no-new-privileges':
      result.noNewPrivileges = parseBool(value, option);
      return;
    case 'writable-cgroups':
      result.writableCgroups = parseBool(value, option);
      return;
    case 'seccomp':
      result.seccomp = seccompOption(value);
      return;
    case 'apparmor':
      if (value === 'unconfined' || value === '') return;
      throw new PunnetError('notImplemented', `AppArmor profile ${JSON.stringify(value)} is not supported`, {
        fix: '--security-opt apparmor=unconfined',
      });
    case 'label':
      if (value === 'disable') return;
      throw new PunnetError('notImplemented', `SELinux label ${JSON.stringify(value)} is not supported`, {
        fix: '--security-opt label=disable',
      });
    default:
      throw invalidArgument(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}

function seccompOption(value: string): SecurityOptions['seccomp'] {
  if (value === 'unconfined') return 'unconfined';
  if (value === '' || value === 'builtin' || value === 'default') return 'default';
  let profile: unknown;
  try {
    profile = JSON.parse(value);
  } catch (error) {
    throw invalidArgument(`Decoding seccomp profile failed: ${messageOf(error)}`, { cause: error });
  }
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) {
    throw invalidArgument('Decoding seccomp profile failed: not an object');
  }
  return profile as ProfileFile;
}

/* strconv.ParseBool */
function parseBool(value: string, option: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw invalidArgument(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
