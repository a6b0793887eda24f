// punnet login: asks the registry, then keeps what it took. A password comes from standard input or the terminal, is sent in a
// request's body, and is printed nowhere. docker/cli: cli/command/registry/login.go.

import { ApiError } from '../../api/client.ts';
import { authFor, dockerConfigPath, HUB, type Credentials } from '../../base/docker-config.ts';
import { askHelper } from '../credential-helper.ts';
import { storeCredentials } from '../credential-store.ts';
import type { Context } from '../context.ts';
import type { Flag } from '../flag.ts';
import { promptFor } from '../prompt.ts';
import { serverName } from '../server-name.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'password', short: 'p', type: 'string', help: 'Password or Personal Access Token (PAT)' },
  { name: 'password-stdin', type: 'bool', help: 'Take the Password or Personal Access Token (PAT) from stdin' },
  { name: 'username', short: 'u', type: 'string', help: 'Username' },
];

export const examples = ['punnet login -u alice --password-stdin registry.example:5000 < password'];

export const run: Run = async (context, { flags, positional: [argument] }) => {
  const given = { username: flags.text('username'), password: flags.text('password') };
  const fromStdin = flags.on('password-stdin');
  if (given.password !== '') {
    context.err.line('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    if (fromStdin) throw new Error('conflicting options: cannot specify both --password and --password-stdin');
  }
  if (fromStdin) {
    if (given.username === '') throw new Error('the --password-stdin option requires --username to be set');
    given.password = await passwordFromStdin();
  }
  const server = serverName(argument);
  let credentials: Credentials | undefined;
  if (given.username === '' && given.password === '') credentials = await withExisting(context, server);
  credentials ??= await ask(context, { server, given });
  const fresh = await storeCredentials(await context.config(), { server, credentials });
  if (fresh) context.err.write(UNENCRYPTED.replace('%', dockerConfigPath()));
  context.out.line('Login Succeeded');
};

const UNENCRYPTED = `
WARNING! Your credentials are stored unencrypted in '%'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`;

/** Tries what is kept already; undefined when there is nothing, or the registry no longer takes it. */
async function withExisting(context: Context, server: string): Promise<Credentials | undefined> {
  const domain = server === HUB ? 'docker.io' : server;
  const kept = await authFor(domain, { config: await context.config(), ask: askHelper });
  if (!kept?.username) return undefined;
  context.err.write(
    `Authenticating with existing credentials... [Username: ${kept.username}]\n\n` +
      ` Info -> To login with a different account, run 'punnet logout' followed by 'punnet login'\n\n\n`,
  );
  try {
    await authenticate(context, { ...kept, serveraddress: server });
    return kept;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    context.err.line(`Login did not succeed, error: ${error.message}`);
    return undefined;
  }
}

async function ask(
  context: Context,
  { server, given }: { server: string; given: { username: string; password: string } },
): Promise<Credentials> {
  let { username, password } = given;
  if ((username === '' || password === '') && !context.inputIsTerminal)
    throw new Error('Error: Cannot perform an interactive login from a non TTY device');
  if (username === '') username = (await promptFor(context, { text: 'Username: ', hidden: false })).trim();
  if (username === '') throw new Error('Error: Non-null Username Required');
  if (password === '') password = await promptFor(context, { text: 'Password: ', hidden: true });
  if (password === '') throw new Error('Error: Password Required');
  await authenticate(context, { username, password, serveraddress: server });
  return { username, password };
}

async function authenticate(context: Context, body: Credentials): Promise<void> {
  await context.client.call('POST', '/auth', { body });
}

async function passwordFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8').replace(/\n$/, '').replace(/\r$/, '');
}
