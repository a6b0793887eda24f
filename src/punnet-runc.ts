// punnet-runc, the OCI runtime: one command, then it ends; the container stays. Runs as root, as an unprivileged user, or as root
// of an engine's user namespace, in the host's namespaces. runtime-spec runtime.md

import manifest from '../package.json' with { type: 'json' };
import { main } from './runtime/cli/main.ts';

void main(process.argv.slice(2), manifest.version).then(async (status) => {
  try {
    // At once: nothing is open that would have to be flushed, and taking Node apart costs a tenth of a container's start.
    (await import('./native/addon.ts')).exitGroup(status);
  } catch {
    process.exit(status); // The native part is not built, which has been said.
  }
});
