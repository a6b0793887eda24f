// punnet inspect: a container or an image, whichever has the name. docker/cli: cli/command/system/inspect.go.

import { ApiError } from '../../api/client.ts';
import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { inspectObjects } from '../inspect-objects.ts';
import type { Run } from '../verb.ts';

const TYPES = ['container', 'image'];

export const flags: Flag[] = [
  objectFormat,
  { name: 'size', short: 's', type: 'bool', help: 'Display total file sizes if the type is container' },
  { name: 'type', type: 'string', help: 'Only inspect objects of the given type', choices: TYPES },
];

export const examples = ['punnet inspect web', "punnet inspect -f '{{.State.ExitCode}}' web"];

export const run: Run = async (context, { flags, positional }) => {
  const type = flags.text('type');
  const known = `must be one of "${TYPES.join('", "')}"`;
  if (flags.changed('type') && type === '') throw new Error(`type is empty: ${known}`);
  if (type !== '' && !TYPES.includes(type)) throw new Error(`unknown type: "${type}": ${known}`);
  const size = flags.on('size');
  const look = async (name: string): Promise<string> => {
    for (const each of type === '' ? TYPES : [type]) {
      const query = each === 'container' ? { size } : {};
      try {
        const text = await context.client.text('GET', `/${each}s/${name}/json`, { query });
        if (size && each !== 'container') context.err.line(`WARNING: --size ignored for ${each}`);
        return text;
      } catch (error) {
        if (type !== '' || !isSkippable(error)) throw error;
      }
    }
    throw new Error(`Error: No such object: ${name}`);
  };
  await inspectObjects(context, { names: positional, format: flags.text('format'), look });
};

function isSkippable(error: unknown): boolean {
  return (
    error instanceof ApiError && (error.status === 404 || /not supported|invalid reference format/.test(error.reason))
  );
}
