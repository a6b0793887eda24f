// The seccomp section of config.json → a BPF program for the op `seccomp`. libseccomp compiles it, which takes milliseconds:
// so programs are kept, in memory by section and on disk beside what they depend on. Without node:crypto, which takes longer to
// load than all of this. Runs in the daemon (or punnet-runc) as root of its user namespace. seccomp_export_bpf(3)

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { errnoOf } from '../base/errors.ts';
import type { SpecSeccomp } from '../base/oci-runtime.ts';
import { seccompCompile, seccompVersion, syscallNumber } from '../native/addon.ts';
import { newCallsPrologue } from './seccomp-new-calls.ts';

/** Raised when the same section gives another program. */
const FORMAT = 2;

const compiled = new Map<string, Uint8Array>();

/**
 * The program of a section.
 * @param cache directory of compiled programs, each in a file with the text that it was compiled of; absent: only memory
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

/* Everything that the program depends on, as text. */
function keyOf(section: SpecSeccomp): string {
  const known = keys.get(section);
  if (known !== undefined) return known;
  const key = JSON.stringify([FORMAT, process.arch, seccompVersion(), section]);
  keys.set(section, key);
  return key;
}

/* A file holds: check sum of the program, length of the text, the text, the program. */
const HEAD = 8;

/* A file of another text with the same name, or one that is cut off or changed, is as good as none: a wrong filter is a hole. */
function load(cache: string, key: string): Uint8Array | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(cache, nameOf(key)));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const text = Buffer.from(key);
  if (bytes.length <= HEAD + text.length || bytes.readUInt32LE(4) !== text.length) return undefined;
  const program = bytes.subarray(HEAD + text.length);
  const intact = text.equals(bytes.subarray(HEAD, HEAD + text.length)) && bytes.readUInt32LE(0) === sumOf(program);
  return intact ? program : undefined;
}

function save(cache: string, key: string, program: Uint8Array): void {
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const text = Buffer.from(key);
  const head = Buffer.from(Uint32Array.of(sumOf(program), text.length).buffer);
  writeFileAtomic(join(cache, nameOf(key)), Buffer.concat([head, text, program]));
}

const nameOf = (key: string) => `${sumOf(Buffer.from(key)).toString(16).padStart(8, '0')}.bpf`;

/* FNV-1a, 32 bits: tells accidents apart, not forgeries; the directory is its owner's alone. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  return sum >>> 0;
}
