// punnet-runc, the OCI runtime: one command, then it ends; the container stays. Runs as root, as an unprivileged user, or as root
// of an engine's user namespace, in the host's namespaces. runtime-spec runtime.md

import manifest from '../package.json' with { type: 'json' };
import { main } from './runtime/cli/main.ts';

void main(process.argv.slice(2), manifest.version).then((status) => process.exit(status));
