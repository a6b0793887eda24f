// Which manifest of an index fits this machine, as containerd and Docker choose (platforms.Only): the exact platform first,
// then what the processor also runs. Pure. image-spec, image-index.md

import type { Descriptor, Platform } from '../base/oci-image.ts';
import { invalidArgument, notFound } from '../base/errors.ts';

const ARCHITECTURES: Record<string, string> = {
  x64: 'amd64',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  ia32: '386',
  i386: '386',
  i686: '386',
  armhf: 'arm',
  armel: 'arm',
};

/** The platform of this machine. */
export function hostPlatform(architecture: string = process.arch): Platform {
  return normalize({ os: 'linux', architecture });
}

/**
 * Parses `linux/arm64`, `linux/arm/v7`, `arm64`.
 * @throws invalidArgument with Docker's text
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  if (parts.length > 3) throw invalidArgument(`"${text}": cannot parse platform specifier: invalid argument`);
  for (const part of parts)
    if (!/^[A-Za-z0-9_.-]+$/.test(part))
      throw invalidArgument(
        `"${part}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument`,
      );
  const [first, architecture, variant] = parts as [string, string?, string?];
  if (architecture !== undefined) return normalize({ os: first, architecture, variant });
  if (OPERATING_SYSTEMS.has(first.toLowerCase())) return normalize({ os: first, architecture: process.arch });
  if (KNOWN.has(normalize({ os: 'linux', architecture: first }).architecture))
    return normalize({ os: 'linux', architecture: first });
  throw invalidArgument(`"${text}": unknown operating system or architecture: invalid argument`);
}

const OPERATING_SYSTEMS = new Set(['linux', 'windows', 'darwin', 'freebsd']);
const KNOWN = new Set([
  'amd64',
  'arm64',
  'arm',
  '386',
  'ppc64le',
  's390x',
  'riscv64',
  'loong64',
  'mips64le',
  'mips64',
  'mipsle',
  'mips',
]);

/** `linux/arm/v7` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

/** Whether an image of platform `actual` is what `wanted` names. */
export function platformMatches(actual: Platform, wanted: Platform): boolean {
  return rank(normalize(actual), normalize(wanted)) >= 0;
}

/**
 * The best manifest for `wanted`; one that names no platform fits any.
 * @throws notFound with Docker's text
 */
export function choosePlatform(manifests: Descriptor[], wanted: Platform): Descriptor {
  let best: { descriptor: Descriptor; rank: number } | undefined;
  for (const descriptor of manifests) {
    const platform = descriptor.platform;
    const place = platform ? rank(normalize(platform), wanted) : LAST;
    if (place >= 0 && (!best || place < best.rank)) best = { descriptor, rank: place };
  }
  if (best) return best.descriptor;
  throw notFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);
}

const LAST = 1000;

/** The place of `actual` among the platforms that run on `wanted`; -1: it does not run there. */
function rank(actual: Platform, wanted: Platform): number {
  if (actual.os !== wanted.os) return -1;
  return alternatives(wanted).findIndex(
    ({ architecture, variant }) => architecture === actual.architecture && (variant ?? '') === (actual.variant ?? ''),
  );
}

type Processor = Pick<Platform, 'architecture' | 'variant'>;

function alternatives({ architecture, variant }: Platform): Processor[] {
  const arm = (from: number): Processor[] =>
    [8, 7, 6, 5]
      .filter((version) => version <= from)
      .map((version) => ({ architecture: 'arm', variant: `v${version}` }));
  switch (architecture) {
    case 'amd64': {
      const level = Number(/^v(\d)$/.exec(variant ?? '')?.[1] ?? 1);
      const lower = [4, 3, 2].filter((version) => version <= level);
      const levels = lower.map((version): Processor => ({ architecture: 'amd64', variant: `v${version}` }));
      return [...levels, { architecture: 'amd64' }, { architecture: '386' }];
    }
    case 'arm64':
      return [...(variant ? [{ architecture, variant }] : []), { architecture }, ...arm(8)];
    case 'arm':
      return arm(Number(/^v(\d)$/.exec(variant ?? '')?.[1] ?? 7));
    default:
      return [{ architecture, variant }];
  }
}

/** One spelling for each platform: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7. */
function normalize(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  let architecture = platform.architecture.toLowerCase();
  let variant: string | undefined = platform.variant?.toLowerCase() || undefined;
  if (architecture === 'armel') variant = 'v6';
  architecture = ARCHITECTURES[architecture] ?? architecture;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = undefined;
  if (architecture === 'arm') variant = variant === undefined ? 'v7' : /^\d$/.test(variant) ? `v${variant}` : variant;
  return { os, architecture, ...(variant && { variant }) };
}
