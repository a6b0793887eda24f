// punnet, the command line. Runs as the user, outside every namespace; all work is the daemon's, reached over its socket.

import { dispatch } from './cli/dispatch.ts';
import { Exit, textOf } from './cli/exit.ts';

dispatch(process.argv.slice(2), process.env).then(
  () => process.exit(0),
  (error: unknown) => {
    const text = textOf(error);
    if (text !== '') process.stderr.write(`${text}\n`);
    if (process.argv.includes('-D') && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    process.exit(error instanceof Exit ? error.status : 1);
  },
);
