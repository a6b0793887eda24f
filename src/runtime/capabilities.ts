// Capability names and masks: Docker's default set, --cap-add and --cap-drop with Docker's rules. Pure. capabilities(7)

import { invalidArgument } from '../base/errors.ts';
import { CAPABILITIES } from '../native/constants.ts';

/** What a container's root holds by default, in Docker's order. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** Every capability that punnet knows, by number. */
export const ALL_CAPABILITIES: readonly string[] = CAPABILITIES;

const ALL = 'ALL';
const KNOWN = new Set<string>(CAPABILITIES);

/**
 * `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN` → `CAP_NET_ADMIN`; `all` → `ALL`.
 * @throws invalidArgument with Docker's text for a name that is none.
 */
export function normalizeCapability(name: string): string {
  const upper = name.toUpperCase();
  if (upper === ALL || upper === 'CAP_ALL') return ALL;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!KNOWN.has(full)) throw invalidArgument(`invalid capability: ${JSON.stringify(name)}`);
  return full;
}

export interface CapabilityChoice {
  add?: readonly string[] | null;
  drop?: readonly string[] | null;
  privileged?: boolean;
}

/**
 * The capabilities of a container's root: the default set, changed by --cap-add and --cap-drop. `ALL` among the added
 * gives everything but the dropped; `ALL` among the dropped leaves the added alone; else dropped wins over default, and
 * added over dropped, as in Docker.
 * @throws invalidArgument for an unknown name.
 */
export function chooseCapabilities(choice: CapabilityChoice): string[] {
  const add = (choice.add ?? []).map(normalizeCapability);
  const drop = (choice.drop ?? []).map(normalizeCapability);
  if (choice.privileged) return [...ALL_CAPABILITIES];
  if (add.length === 0 && drop.length === 0) return [...DEFAULT_CAPABILITIES];
  if (add.includes(ALL)) return ALL_CAPABILITIES.filter((name) => !drop.includes(name));
  const named = unique(add.filter((name) => name !== ALL));
  if (drop.includes(ALL)) return named;
  const kept = DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return unique([...kept, ...named]);
}

/**
 * The 64-bit mask that capset(2) and /proc/PID/status use.
 * @throws invalidArgument for an unknown name.
 */
export function capabilityMask(names: readonly string[] = []): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = (CAPABILITIES as readonly string[]).indexOf(name);
    if (number < 0) throw invalidArgument(`unknown capability ${JSON.stringify(name)}`);
    mask |= 1n << BigInt(number);
  }
  return mask;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
