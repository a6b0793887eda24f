// Looks objects up and prints them: indented JSON, `json`, or a template, as every `inspect` does.
// docker/cli: cli/command/inspect/inspector.go. Runs in the CLI.

import { Exit, textOf } from './exit.ts';
import { indentJson } from './format/json-text.ts';
import { compileTemplate, type Template } from './format/template.ts';
import type { Context } from './context.ts';

export interface InspectOptions {
  names: string[];
  /** empty: indented JSON */
  format: string;
  /** The object's JSON text. @throws when there is none */
  look: (name: string) => Promise<string>;
}

/** @throws Exit 64 for a template that cannot be read; Exit 1 when an object is missing, after the others are printed */
export async function inspectObjects(context: Context, { names, format, look }: InspectOptions): Promise<void> {
  const template = format === '' || format === 'json' ? undefined : readTemplate(format);
  const found: string[] = [];
  const errors: string[] = [];
  for (const name of names) {
    try {
      const text = await look(name);
      found.push(template ? `${runTemplate(template, text)}\n` : text.trim());
    } catch (error) {
      errors.push(textOf(error));
    }
  }
  if (template) context.out.write(found.join('') || '\n');
  else if (found.length === 0) context.out.write('[]\n');
  else context.out.write(`${indentJson(`[${found.join(',')}]`, format === 'json' ? 0 : 4)}\n`);
  if (errors.length > 0) throw new Exit(1, errors.join('\n'));
}

function readTemplate(format: string): Template {
  try {
    return compileTemplate(format);
  } catch (error) {
    throw new Exit(64, `template parsing error: ${(error as Error).message}`);
  }
}

function runTemplate(template: Template, text: string): string {
  try {
    return template.run(JSON.parse(text), { missingKey: 'error', absent: ABSENT });
  } catch (error) {
    throw new Error(`template parsing error: ${(error as Error).message}`, { cause: error });
  }
}

/** Fields that documents leave out or give as null, and what they are then. */
const ABSENT: Record<string, unknown> = {
  ...Object.fromEntries(
    [
      'Health',
      'Healthcheck',
      'Init',
      'PidsLimit',
      'MemorySwappiness',
      'OomKillDisable',
      'StopTimeout',
      'IPAMConfig',
    ].map((name) => [name, null]),
  ),
  ...Object.fromEntries(
    ['ExposedPorts', 'Volumes', 'Labels', 'Tmpfs', 'Sysctls', 'Annotations', 'StorageOpt', 'Ports', 'DriverOpts'].map(
      (name) => [name, {}],
    ),
  ),
  ...Object.fromEntries(
    [
      ...['Binds', 'CapAdd', 'CapDrop', 'Cmd', 'DeviceCgroupRules', 'DeviceRequests', 'Devices', 'Entrypoint', 'Env'],
      ...['ExecIDs', 'ExtraHosts', 'GroupAdd', 'Links', 'OnBuild', 'SecurityOpt', 'Shell', 'Ulimits', 'VolumesFrom'],
      ...['Aliases', 'DNSNames', 'Mounts', 'RepoTags', 'RepoDigests'],
    ].map((name) => [name, []]),
  ),
};
