// One step: its variables replaced, looked up in the cache, made when it is not there, and what it does to the image.
// Identical steps of builds at the same time are made once. Runs in the daemon.

import { StringDecoder } from 'node:string_decoder';
import type { Digest } from '../base/digest.ts';
import { MergedTree } from '../snapshot/merged-tree.ts';
import type { Position } from './build.ts';
import { keyOf, type BuildCache, type CacheRecord, type StepInputs } from './cache.ts';
import { copyStep } from './copy-step.ts';
import type { Instruction } from './dockerfile/instruction.ts';
import { expandInstruction } from './expand-instruction.ts';
import { binary } from './files/sources.ts';
import type { BuildHost, LayerBlob } from './host.ts';
import { apply, nop, type ImageState } from './image-state.ts';
import type { MountStore } from './mount-store.ts';
import { runStep } from './run-step.ts';
import type { LayerStep, StageResult, StageWork } from './stage.ts';

export interface StepTools {
  host: BuildHost;
  cache: BuildCache;
  mounts: MountStore;
  /** steps that are being made, by key, whichever build makes them */
  running: Map<Digest, Promise<CacheRecord>>;
  /** Spares a layer from collection for as long as the cache knows it. */
  keep(record: CacheRecord): void;
}

interface StepInput {
  instruction: Instruction;
  before: StageResult;
  position: Position;
  tools: StepTools;
  /** made whatever the cache has */
  fresh: boolean;
}

export interface Taken {
  result: StageResult;
  cached: boolean;
  reason?: string;
  /** id of the container that ran it */
  container?: string;
}

/** @throws PunnetError with Docker's texts */
export async function takeStep(work: StageWork, input: StepInput): Promise<Taken> {
  const { before, tools, fresh } = input;
  const instruction = expanded(work, input.instruction);
  const told: { container?: string } = {};
  const { step, state } = await planned(work, { ...input, instruction, told });
  try {
    const inputs: StepInputs = {
      parent: step.alone ? ALONE : before.key,
      ingredients: { ...step.ingredients, ...epochOf(work) },
      ...(step.files && { files: step.files }),
    };
    const { record, cached, reason } = await solve(tools, { inputs, fresh, work, make: () => step.make() });
    return {
      result: after(state, {
        record,
        createdBy: step.createdBy,
        key: step.alone ? keyOf({ parent: before.key, ingredients: { alone: record.key } }) : record.key,
      }),
      cached,
      ...(reason !== undefined && { reason }),
      ...told,
    };
  } finally {
    await step.close?.();
  }
}

/** The parent of steps that stand on nothing. */
const ALONE: Digest = `sha256:${'0'.repeat(64)}`;

function expanded(work: StageWork, instruction: Instruction): Instruction {
  if (instruction.name === 'LABEL' && instruction.literal) return instruction;
  const env = new Map<string, string>();
  for (const entry of work.state.config.Env ?? []) {
    const equals = entry.indexOf('=');
    env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  const value = (name: string) => env.get(name) ?? work.args.value(name);
  return expandInstruction(instruction, { escape: work.escape, value });
}

async function planned(
  work: StageWork,
  { instruction, position, tools, told }: StepInput & { told: { container?: string } },
): Promise<{ step: LayerStep; state: ImageState }> {
  const { state, request } = work;
  if (instruction.name === 'RUN') {
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
    const step = await runStep(work, instruction, {
      host: tools.host,
      mounts: tools.mounts,
      started: (id) => {
        told.container = id;
        request.emit({ type: 'container', step: position.step, id });
      },
      output: (stream, chunk) => {
        // A character may come in two pieces.
        const text = decoders[stream].write(chunk);
        if (text !== '') request.emit({ type: 'output', step: position.step, stream, text });
      },
    });
    return { step, state };
  }
  if (instruction.name === 'COPY' || instruction.name === 'ADD') {
    return { step: await copyStep(work, instruction), state };
  }
  if (instruction.name === 'ARG') for (const { name, value } of instruction.args) work.args.declare(name, value);
  const { state: next, comment } = apply(state, instruction);
  const directory = instruction.name === 'WORKDIR' ? next.config.WorkingDir! : undefined;
  const step: LayerStep = {
    createdBy: nop(next, comment, instruction.name === 'WORKDIR'),
    ingredients: { instruction: comment },
    make: () => (directory === undefined ? Promise.resolve(undefined) : makeDirectory(work, directory)),
  };
  return { step, state: next };
}

/** WORKDIR makes its directory. */
async function makeDirectory(work: StageWork, directory: string): Promise<LayerBlob | undefined> {
  const { layers } = work.state;
  const path = binary(directory);
  const tree = new MergedTree(work.directories(layers));
  try {
    if (tree.find(path)?.entry.type === 'directory') return undefined;
  } finally {
    tree.close();
  }
  const workspace = await work.workspace(layers);
  try {
    const writer = workspace.writer();
    try {
      writer.parent(path);
      writer.finish();
    } finally {
      writer.close();
    }
    return await workspace.seal({ latest: work.latest });
  } finally {
    await workspace.discard();
  }
}

interface Solve {
  inputs: StepInputs;
  fresh: boolean;
  work: StageWork;
  make(): Promise<LayerBlob | undefined>;
}

async function solve(tools: StepTools, { inputs, fresh, work, make }: Solve) {
  const key = keyOf(inputs);
  for (let running = tools.running.get(key); running && !fresh; running = tools.running.get(key)) {
    try {
      return { record: await running, cached: true };
    } catch {
      // Its failure belongs to the build that made it; here the step is still to be made.
    }
  }
  const known = fresh ? undefined : tools.cache.get(key);
  if (known && (known.layer === null || tools.host.has(known.layer))) {
    tools.cache.touch(key);
    return { record: known, cached: true };
  }
  const reason = fresh ? 'the cache was not to be used' : tools.cache.whyMissing(inputs);
  const making = makeRecord(tools, { inputs, work, make });
  if (!fresh) tools.running.set(key, making);
  try {
    return { record: await making, cached: false, reason };
  } finally {
    if (tools.running.get(key) === making) tools.running.delete(key);
  }
}

async function makeRecord(tools: StepTools, { inputs, work, make }: Omit<Solve, 'fresh'>): Promise<CacheRecord> {
  const layer = await make();
  const created = new Date(work.latest ?? Date.now()).toISOString();
  const record = tools.cache.put(inputs, { layer, created });
  tools.keep(record);
  return record;
}

/** The image after the step. */
function after(
  state: ImageState,
  { record, createdBy, key }: { record: CacheRecord; createdBy: string; key: Digest },
): StageResult {
  const { layer, created } = record;
  const line = {
    created,
    created_by: createdBy,
    ...(state.author && { author: state.author }),
    ...(layer === null && { empty_layer: true }),
  };
  return {
    state: {
      ...state,
      layers: layer === null ? state.layers : [...state.layers, layer],
      history: [...state.history, line],
    },
    key,
    created,
    baseId: undefined,
  };
}

function epochOf({ latest }: StageWork): Record<string, string> {
  return latest === undefined ? {} : { SOURCE_DATE_EPOCH: String(latest / 1000) };
}
