// RUN as a step: its command line, environment and mounts, and the container that runs it. Runs in the daemon.
// moby: daemon/builder/dockerfile/dispatchers.go (dispatchRun); buildkit: dockerfile2llb (here-documents)

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentOf, hereDocument } from './dockerfile/heredoc.ts';
import type { Run } from './dockerfile/instruction.ts';
import type { BuildHost } from './host.ts';
import { shellOf } from './image-state.ts';
import type { StepMount } from './host.ts';
import type { MountStore } from './mount-store.ts';
import { prepareMounts } from './run-mounts.ts';
import { ProgramFailure, type LayerStep, type StageWork } from './stage.ts';

export interface RunTools {
  host: BuildHost;
  mounts: MountStore;
  /** the container is there */
  started(id: string): void;
  output(stream: 'stdout' | 'stderr', chunk: Buffer): void;
}

export async function runStep(work: StageWork, run: Run, tools: RunTools): Promise<LayerStep> {
  const { state, args, request } = work;
  const { command, extra } = commandOf(work, run);
  const environment = args.environment(state.config.Env ?? []);
  const recorded = Object.entries(args.recorded(environment))
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const createdBy = [...(recorded.length > 0 ? [`|${recorded.length}`, ...recorded] : []), ...command].join(' ');
  const mounts = await prepareMounts(work, run, tools.mounts);
  const network = run.network === 'default' ? request.network : run.network;
  const argumentsUsed = Object.fromEntries(
    recorded.map((entry) => [`argument ${entry.slice(0, entry.indexOf('='))}`, entry.slice(entry.indexOf('=') + 1)]),
  );
  return {
    createdBy,
    ingredients: {
      instruction: ['RUN', ...run.mounts.map((mount) => `--mount=${mount}`), command.join(' ')].join(' '),
      ...argumentsUsed,
      ...mounts.ingredients,
      ...(run.network !== 'default' && { network: run.network }),
      ...(run.security !== 'sandbox' && { security: run.security }),
    },
    files: mounts.files,
    close: () => mounts.close(),
    make: () =>
      mounts.use(async (ready) => {
        const { exitCode, workspace } = await tools.host.run({
          layers: state.layers,
          config: state.config,
          platform: state.platform,
          command,
          environment: [
            ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
            ...ready.environment,
          ],
          mounts: [...ready.mounts, ...extra],
          network,
          insecure: run.security === 'insecure',
          limits: request.limits,
          signal: work.signal,
          started: tools.started,
          output: tools.output,
        });
        try {
          if (exitCode !== 0) throw new ProgramFailure(command, exitCode);
          return await workspace.seal({ latest: work.latest });
        } finally {
          await workspace.discard();
        }
      }),
  };
}

/** The words to run. A here-document alone is the script; behind a command it is for the shell to read. */
function commandOf(work: StageWork, { command }: Run): { command: string[]; extra: StepMount[] } {
  const { words, shell, hereDocuments } = command;
  if (!shell) return { command: words, extra: [] };
  const text = words[0] ?? '';
  const prefix = shellOf(work.state.config);
  const [first] = hereDocuments;
  if (!first) return { command: [...prefix, ...words], extra: [] };
  if (!hereDocument(text)) {
    const whole = [text, ...hereDocuments.map(({ content, name }) => content + name)].join('\n');
    return { command: [...prefix, whole], extra: [] };
  }
  const script = contentOf(first);
  if (!script.startsWith('#!')) return { command: [...prefix, script], extra: [] };
  const source = join(work.scratch(), 'script');
  writeFileSync(source, script);
  chmodSync(source, 0o755);
  const target = `/dev/pipes/${first.name.replaceAll('/', '_')}`;
  return { command: [target], extra: [{ kind: 'file', source, target, readOnly: true }] };
}
