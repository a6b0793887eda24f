// What an image has become at one point of a stage, and what each instruction does to its configuration. Pure: an instruction
// in, a new state and the line of history out. Runs in the daemon. moby: daemon/builder/dockerfile/dispatchers.go

import { posix } from 'node:path';
import { invalidArgument } from '../base/errors.ts';
import type { ImageConfig, ImageProcessConfig } from '../base/oci-image.ts';
import { checkSignal, parseSignal } from '../base/signal.ts';
import type { CommandLine, Instruction } from './dockerfile/instruction.ts';
import { exposedPorts } from './expose.ts';
import type { LayerBlob } from './host.ts';
import { goDuration, goQuoted, goQuotedList, goQuotedRune } from './go-format.ts';

export interface ImageState {
  platform: { os: string; architecture: string; variant?: string };
  config: ImageProcessConfig;
  author: string;
  /** CMD was given in this stage, so ENTRYPOINT does not take it away */
  commandSet: boolean;
  /** lowest first */
  layers: LayerBlob[];
  history: NonNullable<ImageConfig['history']>;
}

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL = ['/bin/sh', '-c'];

/** The beginning of a stage on an image, or on nothing. */
export function beginState(
  base: { config: ImageConfig; layers: ImageState['layers'] } | undefined,
  platform: ImageState['platform'],
): ImageState {
  const config: ImageProcessConfig = structuredClone(base?.config.config ?? {});
  if (!(config.Env ?? []).some((entry) => entry.startsWith('PATH='))) {
    config.Env = [...(config.Env ?? []), `PATH=${DEFAULT_PATH}`];
  }
  const { os, architecture, variant } = base?.config ?? platform;
  return {
    platform: { os, architecture, ...(variant && { variant }) },
    config,
    author: '',
    commandSet: false,
    layers: base?.layers ?? [],
    history: base?.config.history ?? [],
  };
}

/** The words of a command line: text goes to the shell. */
export function commandWords({ words, shell }: CommandLine, config: ImageProcessConfig): string[] {
  return shell ? [...shellOf(config), ...words] : words;
}

export function shellOf({ Shell }: ImageProcessConfig): string[] {
  return Shell?.length ? Shell : DEFAULT_SHELL;
}

/** As history tells of an instruction that runs nothing. */
export function nop(state: ImageState, comment: string, oneWord = false): string {
  return `${shellOf(state.config).join(' ')} #(nop) ${oneWord ? '' : ' '}${comment}`;
}

export interface Applied {
  state: ImageState;
  /** what history says: `ENV a=b` */
  comment: string;
}

/** Instructions that change the configuration alone. */
export type Setting = Exclude<Instruction, { name: 'RUN' | 'COPY' | 'ADD' }>;

/** @throws invalidArgument with Docker's texts */
export function apply(state: ImageState, instruction: Setting): Applied {
  const config = { ...state.config };
  const next: ImageState = { ...state, config };
  return { state: next, comment: change(next, config, instruction) };
}

/** Changes `next` and its `config`, which are fresh copies. */
function change(next: ImageState, config: ImageProcessConfig, instruction: Setting): string {
  switch (instruction.name) {
    case 'ENV':
      for (const { name, value } of instruction.pairs) config.Env = withVariable(config.Env ?? [], name, value);
      return `ENV${instruction.pairs.map(({ name, value }) => ` ${name}=${value}`).join('')}`;
    case 'LABEL':
      config.Labels = { ...config.Labels };
      for (const { name, value } of instruction.pairs) config.Labels[name] = value;
      return `LABEL${instruction.pairs.map(({ name, value }) => ` ${name}=${value}`).join('')}`;
    case 'ARG':
      return `ARG${instruction.args.map(({ name, value }) => ` ${name}${value === undefined ? '' : `=${value}`}`).join('')}`;
    case 'MAINTAINER':
      next.author = instruction.maintainer;
      return `MAINTAINER ${instruction.maintainer}`;
    case 'WORKDIR':
      config.WorkingDir = workingDirectory(config.WorkingDir ?? '', instruction.path);
      return `WORKDIR ${config.WorkingDir}`;
    case 'USER':
      config.User = instruction.user;
      return `USER ${instruction.user}`;
    case 'VOLUME':
      config.Volumes = { ...config.Volumes };
      for (const volume of instruction.volumes) {
        if (volume === '') throw invalidArgument('VOLUME specified can not be an empty string');
        config.Volumes[volume] = {};
      }
      return `VOLUME [${instruction.volumes.join(' ')}]`;
    case 'EXPOSE':
      config.ExposedPorts = { ...config.ExposedPorts };
      for (const port of exposedPorts(instruction.ports)) config.ExposedPorts[port] = {};
      return `EXPOSE ${instruction.ports.join(' ')}`;
    case 'CMD':
      config.Cmd = commandWords(instruction.command, config);
      if (instruction.command.words.length > 0) next.commandSet = true;
      return `CMD ${goQuotedList(config.Cmd)}`;
    case 'ENTRYPOINT': {
      const words = commandWords(instruction.command, config);
      config.Entrypoint = words.length === 0 ? null : words;
      if (!next.commandSet) config.Cmd = null;
      return `ENTRYPOINT ${goQuotedList(words)}`;
    }
    case 'SHELL':
      config.Shell = instruction.shell;
      return `SHELL [${instruction.shell.join(' ')}]`;
    case 'STOPSIGNAL':
      checkSignal(parseSignal(instruction.signal));
      config.StopSignal = instruction.signal;
      return `STOPSIGNAL ${instruction.signal}`;
    case 'HEALTHCHECK': {
      config.Healthcheck = instruction.health;
      const { Test, Interval = 0, Timeout = 0, StartPeriod = 0, Retries = 0 } = instruction.health;
      const times = [Interval, Timeout, StartPeriod].map((time) => goQuoted(goDuration(time)));
      return `HEALTHCHECK &{${goQuotedList(Test)} ${times.join(' ')} ${goQuotedRune(Retries)}}`;
    }
    case 'ONBUILD':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.trigger];
      return `ONBUILD ${instruction.trigger}`;
  }
}

function withVariable(env: string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const at = env.findIndex((other) => other.split('=', 1)[0] === name);
  return at < 0 ? [...env, entry] : env.toSpliced(at, 1, entry);
}

/** An absolute path is taken as it was written. */
function workingDirectory(current: string, wanted: string): string {
  if (wanted === '') throw invalidArgument('cannot normalize nothing');
  return wanted.startsWith('/') ? wanted : posix.join('/', current, wanted);
}

/** The state as an image config. `created`: RFC 3339. */
export function imageConfigOf({ platform, config, author, layers, history }: ImageState, created: string): ImageConfig {
  return {
    created,
    ...(author && { author }),
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history,
  };
}
