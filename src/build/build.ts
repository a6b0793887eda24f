// One build: the stages that its target needs, each solved once, those that do not need each other at the same time.
// Runs in the daemon.

import { digestOf, type Digest } from '../base/digest.ts';
import { internal, invalidArgument, messageOf, PunnetError } from '../base/errors.ts';
import { MergedTree } from '../snapshot/merged-tree.ts';
import { BuildArgs, platformArgs } from './build-args.ts';
import { expandWord } from './dockerfile/expand.ts';
import type { Dockerfile, Instruction } from './dockerfile/instruction.ts';
import { parseDockerfile } from './dockerfile/parse.ts';
import type { BaseImage, LayerBlob } from './host.ts';
import { beginState, imageConfigOf } from './image-state.ts';
import { BuildFailure, type BuildRequest } from './request.ts';
import { ProgramFailure, type OpenSource, type StageResult, type StageWork } from './stage.ts';
import { sourceOf, stageGraph, type StageGraph } from './stage-graph.ts';
import { numberSteps, stageName, type Numbering } from './steps.ts';
import { takeStep, type StepTools } from './take-step.ts';

export interface BuildTools extends StepTools {
  scratch(): string;
  secretFile(): string;
}

/** Where a step stands, for events and errors. */
export interface Position {
  step: number;
  total: number;
  text: string;
  stage: string;
  start: number;
  end: number;
}

export class Build {
  readonly #request: BuildRequest;
  readonly #tools: BuildTools;
  readonly #file: Dockerfile;
  readonly #args: BuildArgs;
  readonly #graph: StageGraph;
  readonly #numbering: Numbering;
  readonly #stages = new Map<number, Promise<StageResult>>();
  readonly #images = new Map<string, Promise<BaseImage>>();
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;

  /** @throws invalidArgument when the Dockerfile is not one, or its stages do not fit together */
  constructor(request: BuildRequest, tools: BuildTools) {
    this.#request = request;
    this.#tools = tools;
    this.#signal = AbortSignal.any([request.signal, this.#failed.signal]);
    this.#file = withLabels(parseDockerfile(request.dockerfile), request);
    const own = tools.host.platform();
    this.#args = new BuildArgs(request.args, platformArgs(request.platform ?? own, own));
    for (const { args } of this.#file.args) {
      for (const { name, value } of args) {
        this.#args.declareGlobal(name, value === undefined ? undefined : this.#expandGlobal(value));
      }
    }
    const expand = (word: string) => this.#expandGlobal(word);
    this.#graph = stageGraph(this.#file.stages, { target: request.target, expand });
    this.#numbering = numberSteps(this.#file, this.#graph.needed);
  }

  /** Solves the target. @throws BuildFailure naming the step */
  async run(): Promise<StageResult> {
    for (const [at, arg] of this.#file.args.entries()) {
      const position = { ...place(arg), step: at + 1, total: this.#numbering.total, stage: '' };
      this.#began(position);
      this.#request.emit({ type: 'done', step: at + 1, cached: false, milliseconds: 0 });
    }
    // All at once; each waits for those that it needs.
    const solving = this.#graph.needed.map((index) => this.#stage(index));
    try {
      const results = await Promise.all(solving);
      const unused = this.#args.unused();
      if (unused.length > 0) {
        const text = `One or more build-args [${unused.join(' ')}] were not consumed`;
        this.#request.emit({ type: 'warning', text });
      }
      return results.at(-1)!;
    } catch (error) {
      this.#failed.abort(error);
      await Promise.allSettled(solving);
      throw this.#request.signal.aborted ? this.#request.signal.reason : error;
    }
  }

  #stage(index: number): Promise<StageResult> {
    let solving = this.#stages.get(index);
    if (!solving) {
      solving = this.#solve(index);
      solving.catch(() => {}); // told by whoever waits for it
      this.#stages.set(index, solving);
    }
    return solving;
  }

  async #solve(index: number): Promise<StageResult> {
    const { stage } = this.#graph.nodes[index]!;
    const first = this.#numbering.first.get(index)!;
    const from: Position = { ...place(stage.from), step: first, ...this.#where(index) };
    const begun = performance.now();
    let result = await this.#named(from, () => this.#base(index, from));
    const work = this.#work(index, result);
    const triggers = result.state.config.OnBuild ?? [];
    if (triggers.length > 0) {
      result = await this.#named(from, () => this.#triggers(work, { triggers, from, result }));
    }
    this.#request.emit({
      type: 'done',
      step: first,
      cached: false,
      milliseconds: performance.now() - begun,
      ...(idOf(result) && { image: idOf(result) }),
    });
    for (const [at, instruction] of stage.instructions.entries()) {
      const position: Position = { ...place(instruction), step: first + 1 + at, ...this.#where(index) };
      this.#signal.throwIfAborted();
      this.#began(position);
      const start = performance.now();
      const taken = await this.#named(position, () =>
        takeStep(work, { instruction, before: result, position, tools: this.#tools, fresh: this.#isFresh(index) }),
      );
      result = taken.result;
      work.state = result.state;
      const { cached, reason, container } = taken;
      const image = idOf(result);
      const milliseconds = performance.now() - start;
      this.#request.emit({
        type: 'done',
        step: position.step,
        cached,
        milliseconds,
        ...(image && { image }),
        ...(reason !== undefined && { reason }),
        ...(container !== undefined && { container }),
      });
    }
    const image = idOf(result);
    if (image) this.#request.emit({ type: 'stage', step: first + stage.instructions.length, image });
    return result;
  }

  /** What a stage begins with. */
  async #base(index: number, from: Position): Promise<StageResult> {
    const { base, stage } = this.#graph.nodes[index]!;
    if (base && 'stage' in base) {
      // Its own output stays behind that of the stage that it waits for.
      const before = await this.#stage(base.stage);
      this.#began(from);
      const state = { ...before.state, config: structuredClone(before.state.config), author: '', commandSet: false };
      return { ...before, state };
    }
    this.#began(from);
    const platform = this.#request.platform ?? this.#tools.host.platform();
    if (!base) {
      return {
        state: beginState(undefined, platform),
        key: digestOf('scratch'),
        created: undefined,
        baseId: undefined,
      };
    }
    const wanted = stage.from.platform === undefined ? this.#wantedPlatform() : this.#expandGlobal(stage.from.platform);
    const image = await this.#image(base.image, { platform: wanted, step: from.step });
    return {
      state: beginState(image, platform),
      key: image.id,
      created: image.config.created,
      baseId: image.id,
    };
  }

  /** Instructions that the base image left for its children. */
  async #triggers(
    work: StageWork,
    { triggers, from, result }: { triggers: string[]; from: Position; result: StageResult },
  ): Promise<StageResult> {
    const text = `# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}`;
    this.#request.emit({ type: 'note', step: from.step, text });
    const config = { ...result.state.config };
    delete config.OnBuild;
    let current: StageResult = { ...result, state: { ...result.state, config } };
    for (const trigger of triggers) {
      const parsed = parseDockerfile(`FROM scratch\n${trigger}`).stages[0]!.instructions;
      if (parsed.length !== 1) throw invalidArgument('onbuild trigger should be a single expression');
      work.state = current.state;
      const taken = await takeStep(work, {
        instruction: parsed[0]!,
        before: current,
        position: from,
        tools: this.#tools,
        fresh: this.#request.noCache === true,
      });
      if (taken.cached) this.#request.emit({ type: 'note', step: from.step, text: ' ---> Using cache' });
      current = taken.result;
    }
    work.state = current.state;
    return current;
  }

  #work(index: number, { state }: StageResult): StageWork {
    const { host } = this.#tools;
    const directories = (layers: LayerBlob[]) => host.directories(layers);
    return {
      request: this.#request,
      state,
      args: this.#args.stage(),
      escape: this.#file.escape,
      signal: this.#signal,
      latest: epochOf(this.#args),
      open: (from) => this.#open(from, index),
      context: () => this.#context(),
      directories,
      workspace: (layers) => host.workspace(layers),
      scratch: () => this.#tools.scratch(),
      secretFile: () => this.#tools.secretFile(),
    };
  }

  async #open(from: string, index: number): Promise<OpenSource> {
    const source = sourceOf(this.#file.stages, from, index);
    const step = this.#numbering.first.get(index)!;
    const layers =
      'stage' in source
        ? (await this.#stage(source.stage)).state.layers
        : (await this.#image(source.image, { platform: this.#wantedPlatform(), step })).layers;
    const tree = new MergedTree(this.#tools.host.directories(layers));
    return { tree, context: false, close: () => tree.close() };
  }

  #context(): OpenSource {
    const { context } = this.#request;
    if (!context) throw invalidArgument('missing build context');
    const tree = new MergedTree([context.directory]);
    return { tree, digests: context.digests, context: true, close: () => tree.close() };
  }

  #image(reference: string, { platform, step }: { platform: string | undefined; step: number }): Promise<BaseImage> {
    const key = `${reference} ${platform ?? ''}`;
    let found = this.#images.get(key);
    if (!found) {
      const { pull, credentials, emit } = this.#request;
      const progress = (line: object) => emit({ type: 'progress', step, line });
      found = this.#tools.host.image(reference, { platform, pull, credentials, signal: this.#signal, progress });
      found.catch(() => {}); // told by whoever waits for it
      this.#images.set(key, found);
    }
    return found;
  }

  #wantedPlatform(): string | undefined {
    const { platform } = this.#request;
    return platform && [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
  }

  #expandGlobal(word: string): string {
    return expandWord(word, { escape: this.#file.escape, value: (name) => this.#args.globalValue(name) });
  }

  #isFresh(index: number): boolean {
    const { noCache } = this.#request;
    if (typeof noCache === 'boolean') return noCache;
    return noCache.some((name) => name.toLowerCase() === this.#where(index).stage || name === String(index));
  }

  #where(index: number): { total: number; stage: string } {
    return { total: this.#numbering.total, stage: stageName(this.#file.stages[index]!, index) };
  }

  #began({ step, total, text, stage, start }: Position): void {
    this.#request.emit({ type: 'step', step, total, text, stage, line: start });
  }

  /** Names the step in whatever goes wrong with it. */
  async #named<T>(position: Position, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BuildFailure || this.#signal.aborted) throw error;
      const known = error instanceof PunnetError ? error : internal(messageOf(error), { cause: error });
      const { step, total, text, start, end } = position;
      const exitCode = error instanceof ProgramFailure ? { exitCode: error.exitCode } : {};
      const failure = { step, total, text, start, end, ...exitCode };
      const { message, fix } = known;
      this.#request.emit({ type: 'failed', failure, message, ...(fix !== undefined && { fix }) });
      throw new BuildFailure(known.kind, message, { cause: error, fix, failure });
    }
  }
}

/** `--label` is a LABEL at the end of the target, with one step for each. */
function withLabels(file: Dockerfile, { labels, target }: BuildRequest): Dockerfile {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return file;
  const last = target
    ? file.stages.findIndex(({ from }, index) => from.as === target.toLowerCase() || String(index) === target)
    : file.stages.length - 1;
  const stages = file.stages.map((stage, index) => {
    if (index !== last) return stage;
    const { start, end } = stage.instructions.at(-1) ?? stage.from;
    const added = names.map((name): Instruction => {
      const pair = { name, value: labels[name]!, old: false };
      return { name: 'LABEL', pairs: [pair], text: `LABEL ${name}=${pair.value}`, start, end, literal: true };
    });
    return { ...stage, instructions: [...stage.instructions, ...added] };
  });
  return { ...file, stages };
}

const place = ({ text, start, end }: { text: string; start: number; end: number }) => ({ text, start, end });

/** The image that a result is at this point. */
export function idOf({ state, created, baseId }: StageResult): Digest | undefined {
  return baseId ?? (created === undefined ? undefined : digestOf(JSON.stringify(imageConfigOf(state, created))));
}

/** SOURCE_DATE_EPOCH in milliseconds. @throws invalidArgument when it is no number of seconds */
function epochOf(args: BuildArgs): number | undefined {
  const text = args.given('SOURCE_DATE_EPOCH');
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text)) throw invalidArgument(`invalid SOURCE_DATE_EPOCH: ${text}`);
  return Number(text) * 1000;
}
