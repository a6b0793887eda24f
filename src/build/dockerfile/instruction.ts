// The instructions of a Dockerfile as data. Types only. Dockerfile reference.

import type { HereDocument } from './heredoc.ts';
import type { Pair } from './words.ts';

export type { Pair };

interface Written {
  /** the whole instruction on one line, as it was written */
  text: string;
  /** first and last line in the file, from 1 */
  start: number;
  end: number;
}

/** A command line: `["a", "b"]`, or text for a shell. */
export interface CommandLine {
  words: string[];
  shell: boolean;
  hereDocuments: HereDocument[];
}

/** What COPY and ADD have in common. */
export interface Transfer {
  sources: string[];
  /** files whose content stands in the Dockerfile */
  documents: HereDocument[];
  destination: string;
  chown?: string;
  chmod?: string;
  link: boolean;
  parents: boolean;
  exclude: string[];
}

export interface Copy extends Written, Transfer {
  name: 'COPY';
  from?: string;
}

export interface Add extends Written, Transfer {
  name: 'ADD';
  checksum?: string;
  keepGitDirectory: boolean;
  /** undefined: local archives are unpacked, downloaded ones are not */
  unpack?: boolean;
}

export type RunMount = {
  target: string;
  readOnly: boolean;
} & (
  | { type: 'bind'; from?: string; source: string }
  | {
      type: 'cache';
      id: string;
      from?: string;
      source: string;
      sharing: 'shared' | 'private' | 'locked';
      mode: number;
      uid: number;
      gid: number;
    }
  | { type: 'tmpfs'; size?: number }
  | { type: 'secret'; id: string; env?: string; required: boolean; mode: number; uid: number; gid: number }
  | { type: 'ssh'; id: string; required: boolean; mode: number; uid: number; gid: number }
);

export interface Run extends Written {
  name: 'RUN';
  command: CommandLine;
  /** as they were written, since variables in them are replaced first */
  mounts: string[];
  network: 'default' | 'none' | 'host';
  security: 'sandbox' | 'insecure';
}

export interface Healthcheck {
  Test: string[];
  /** nanoseconds; absent: the engine's own */
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

export type Instruction =
  | Copy
  | Add
  | Run
  | (Written & { name: 'ARG'; args: { name: string; value?: string }[] })
  | (Written & { name: 'ENV'; pairs: Pair[] })
  /** `literal`: given by --label, where no variables are replaced */
  | (Written & { name: 'LABEL'; pairs: Pair[]; literal?: true })
  | (Written & { name: 'WORKDIR'; path: string })
  | (Written & { name: 'USER'; user: string })
  | (Written & { name: 'VOLUME'; volumes: string[] })
  | (Written & { name: 'EXPOSE'; ports: string[] })
  | (Written & { name: 'CMD'; command: CommandLine })
  | (Written & { name: 'ENTRYPOINT'; command: CommandLine })
  | (Written & { name: 'SHELL'; shell: string[] })
  | (Written & { name: 'STOPSIGNAL'; signal: string })
  | (Written & { name: 'MAINTAINER'; maintainer: string })
  | (Written & { name: 'HEALTHCHECK'; health: Healthcheck })
  | (Written & { name: 'ONBUILD'; trigger: string });

export type Keyword = Instruction['name'];

export interface From extends Written {
  name: 'FROM';
  /** image, stage or `scratch`; may hold variables */
  base: string;
  platform?: string;
  /** in lower case */
  as?: string;
}

export interface Stage {
  from: From;
  instructions: Instruction[];
}

export interface Dockerfile {
  escape: string;
  directives: Record<string, string>;
  /** ARGs before the first FROM */
  args: Extract<Instruction, { name: 'ARG' }>[];
  stages: Stage[];
  /** line numbers of empty lines inside a continued instruction */
  emptyContinuations: number[];
}
