// punnetd, the daemon's program, in its two lives. Outside the namespaces, as the user: `punnetd` starts the daemon unless
// it runs already, `punnetd doctor` checks the host. Inside, as uid 0 of the namespaces: `punnetd inside` is the daemon.

import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { invalidArgument, messageOf, PunnetError } from './base/errors.ts';
import { locations } from './base/locations.ts';

const USAGE = `Usage: punnetd [doctor [--json] | uninstall [--yes]]

Starts the punnet daemon of this user, unless it runs already, and returns when it listens.

  doctor      check the host: what punnet needs, what is missing, how to mend it
  uninstall   end all containers and the daemon, delete this user's images and containers

Environment: PUNNET_ROOT data directory, PUNNET_RUN runtime directory, PUNNET_HOST=unix://SOCKET
`;

async function main(argv: string[]): Promise<number> {
  switch (argv[0]) {
    case undefined:
      return await start();
    case 'inside':
      return await inside();
    case 'doctor':
      return await doctor(argv.slice(1));
    case 'uninstall':
      return await uninstall(argv.slice(1));
    case '-v':
    case '--version':
      process.stdout.write(`punnetd version ${manifest.version}\n`);
      return 0;
    case '-h':
    case '--help':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(`punnetd: unknown command ${JSON.stringify(argv[0])}\n\n${USAGE}`);
      return 1;
  }
}

/** Outside: makes or finds the namespaces and starts the daemon in them. */
async function start(): Promise<number> {
  const { launch, listens } = await import('./rootless/launch.ts');
  const { scopeCommand, startInScope } = await import('./rootless/delegate-cgroup.ts');
  const { cgroup2Mount } = await import('./runtime/cgroup-tree.ts');
  const { preflight, thisHost } = await import('./rootless/doctor/doctor.ts');
  const environment = await thisEnvironment();
  if (await listens(environment.locations.socket)) return 0;
  const cgroupMount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  const scope = scopeCommand(environment.account, { env: process.env, mount: cgroupMount });
  if (scope) return await startInScope(scope, process.env);
  await launch({
    ...environment,
    env: process.env,
    cgroupMount,
    preflight: () => preflight(thisHost(environment.locations)),
  });
  return 0;
}

/** Who starts what from where. */
async function thisEnvironment() {
  const { thisAccount } = await import('./rootless/account.ts');
  const { nativeDirectory } = await import('./native/addon.ts');
  return {
    locations: locations(),
    account: thisAccount(),
    programs: { node: process.execPath, dist: dirname(process.argv[1]!), native: nativeDirectory() },
  };
}

/** Outside: ends everything and deletes the data, after a question. */
async function uninstall(argv: string[]): Promise<number> {
  const { uninstall, whatIsThere } = await import('./rootless/uninstall.ts');
  const options = await thisEnvironment();
  const there = whatIsThere(options);
  if (there.length === 0) {
    process.stdout.write('punnet keeps nothing for this user\n');
    return 0;
  }
  process.stdout.write(`All images and containers of this user will be deleted:\n${there.join('\n')}\n`);
  if (!argv.includes('--yes')) {
    if (!process.stdin.isTTY)
      throw invalidArgument('uninstall: not a terminal, so nobody can say yes', { fix: '--yes' });
    const { createInterface } = await import('node:readline/promises');
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question('Are you sure? [y/N] ');
    terminal.close();
    if (!/^y(es)?$/i.test(answer)) return 1;
  }
  await uninstall(options);
  return 0;
}

/** Outside: every check with its mending command. @returns 1 when one failed */
async function doctor(argv: string[]): Promise<number> {
  const { examine, report, thisHost } = await import('./rootless/doctor/doctor.ts');
  if (argv.some((argument) => argument !== '--json')) throw invalidArgument(`doctor: unknown option ${argv.join(' ')}`);
  const host = thisHost(locations());
  const checks = await examine(host);
  const colour = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
  process.stdout.write(argv.includes('--json') ? `${JSON.stringify(checks, null, 2)}\n` : report(checks, host, colour));
  return checks.some(({ status }) => status === 'fail') ? 1 : 0;
}

/** Inside: the daemon, until it is stopped or idle. The namespaces go with it when no container needs them. */
async function inside(): Promise<number> {
  const { outside, releaseHolder } = await import('./rootless/inside.ts');
  const { lockRoot } = await import('./rootless/lock.ts');
  const { openEngine } = await import('./engine/daemon.ts');
  const { serve } = await import('./api/server.ts');
  const { root, run, socket } = locations();
  const dist = dirname(process.argv[1]!);
  const started = outside(process.env);
  const lock = lockRoot(root, { pid: process.pid, socket });
  const engine = await openEngine({ root, run, socket, dist, version: manifest.version, outside: started });
  const listening = await serve(engine.backend, {
    socket,
    product: `Punnet/${manifest.version}`,
    onError: (error, what) => log(`${what}: ${(error as Error)?.stack ?? String(error)}`),
  });
  log(`listening on ${socket}`);
  const reason = await stopRequest(listening.server, () => engine.running() === 0);
  log(reason);
  const running = engine.running();
  await listening.close();
  await engine.close();
  lock.release();
  if (running === 0 && started) releaseHolder(started);
  return 0;
}

/** Resolves at SIGTERM or SIGINT, or when no client was connected and no container ran for PUNNET_IDLE seconds (0: never). */
function stopRequest(server: Server, nothingRuns: () => boolean): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(`stopping: ${signal}`));
    const limit = Number(process.env.PUNNET_IDLE ?? 0) * 1000;
    if (!(limit > 0)) return;
    let since = Date.now();
    const look = setInterval(
      () =>
        server.getConnections((_error, connections) => {
          if (connections > 0 || !nothingRuns()) since = Date.now();
          else if (Date.now() - since >= limit) resolve(`stopping: idle for ${limit / 1000} s`);
        }),
      Math.min(limit / 4, 15_000),
    );
    look.unref();
  });
}

/** stderr is punnetd.log in the data directory. */
function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`punnetd: ${messageOf(error)}\n`);
    if (error instanceof PunnetError && error.fix) process.stderr.write(`  try: ${error.fix}\n`);
    if (!(error instanceof PunnetError)) process.stderr.write(`${(error as Error)?.stack ?? ''}\n`);
    process.exit(1);
  },
);
