// The seccomp section of config.json → a BPF program for the op `seccomp`. libseccomp compiles it, which takes milliseconds:
// so programs are kept, in memory by section and on disk by what they depend on. Runs in the daemon (or punnet-runc) as
// root of its user namespace. seccomp_export_bpf(3)

import { createHash, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { errnoOf } from '../base/errors.ts';
import type { SpecSeccomp } from '../base/oci-runtime.ts';
import { seccompCompile, seccompVersion, syscallNumber } from '../native/addon.ts';
import { newCallsPrologue } from './seccomp-new-calls.ts';

/** Raised when the same section gives another program. */
const FORMAT = 2;
const HASH_BYTES = 32;

const compiled = new Map<string, Uint8Array>();

/**
 * The program of a section.
 * @param cache directory of compiled programs: `<hex>.bpf`, each its sha256 and then its bytes; absent: only memory
 * @throws TypeError of the addon for an action, comparison or architecture that there is none of; errno of writing the cache
 */
export function seccompFilter(section: SpecSeccomp, cache?: string): Uint8Array {
  const key = keyOf(section);
  let program = compiled.get(key) ?? (cache === undefined ? undefined : load(cache, key));
  if (!program) {
    program = compile(section);
    if (cache !== undefined) save(cache, key, program);
  }
  compiled.set(key, program);
  return program;
}

function compile(section: SpecSeccomp): Uint8Array {
  const prologue = newCallsPrologue(section, (name) => syscallNumber(name) !== -1);
  // As a tree, because the kernel tries every call once when a filter is loaded, and that is most of what loading costs.
  return Buffer.concat([prologue, seccompCompile({ ...section, binaryTree: true })]);
}

const keys = new WeakMap<SpecSeccomp, string>();

function keyOf(section: SpecSeccomp): string {
  const known = keys.get(section);
  if (known !== undefined) return known;
  const parts = [FORMAT, process.arch, seccompVersion(), section];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  keys.set(section, key);
  return key;
}

/* A file that is cut off or was changed is as good as none: a wrong filter is a hole. */
function load(cache: string, key: string): Uint8Array | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(cache, `${key}.bpf`));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const program = bytes.subarray(HASH_BYTES);
  const intact = program.length > 0 && timingSafeEqual(hash(program), bytes.subarray(0, HASH_BYTES));
  return intact ? program : undefined;
}

function save(cache: string, key: string, program: Uint8Array): void {
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  writeFileAtomic(join(cache, `${key}.bpf`), Buffer.concat([hash(program), program]));
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
