// punnet commit: an image of what a container changed. docker/cli: cli/command/container/commit.go.

import { splitName } from '../image-name.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'author', short: 'a', type: 'string', help: 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")' },
  { name: 'change', short: 'c', type: 'list', help: 'Apply Dockerfile instruction to the created image' },
  { name: 'message', short: 'm', type: 'string', help: 'Commit message' },
];

export const examples = ['punnet commit -c \'CMD ["httpd", "-f"]\' web web:tuned'];

export const run: Run = async (context, { flags, positional: [container = '', name = ''] }) => {
  const { Id } = await context.client.call<{ Id: string }>('POST', '/commit', {
    query: {
      container,
      ...splitName(name),
      author: flags.text('author'),
      comment: flags.text('message'),
      changes: flags.all('change'),
    },
    body: {},
  });
  context.out.line(Id);
};
