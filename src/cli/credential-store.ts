// Keeps and forgets the credentials of registries, where the user's configuration says: in a helper, else in config.json, which
// is the user's alone and written in one step. Runs in the CLI, as the user. docker/cli: cli/config/credentials.

import { mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { dockerConfigPath, helperFor, type Credentials, type DockerConfig } from '../base/docker-config.ts';
import { internal, messageOf } from '../base/errors.ts';
import { runHelper, type HelperCall } from './credential-helper.ts';

/** Stores them under `server`; true when they now lie unencrypted in a file where there were none before. */
export async function storeCredentials(
  config: DockerConfig,
  { server, credentials }: { server: string; credentials: Credentials },
): Promise<boolean> {
  const helper = helperFor(config, [server]);
  const { username = '', password = '' } = credentials;
  if (helper !== undefined) {
    const secret = { ServerURL: server, Username: username, Secret: password };
    await ask({ program: helper, verb: 'store', input: JSON.stringify(secret) });
    save({ ...config, auths: { ...config.auths, [server]: {} } });
    return false;
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const known = config.auths?.[server] !== undefined;
  save({ ...config, auths: { ...config.auths, [server]: { auth } } });
  return !known;
}

/** Forgets what is kept for a registry, under each of the names that it may have. */
export async function eraseCredentials(config: DockerConfig, server: string): Promise<void> {
  const names = [server, `http://${server}`, `https://${server}`];
  const helper = helperFor(config, [server]);
  if (helper !== undefined) for (const input of names) await ask({ program: helper, verb: 'erase', input });
  const auths = Object.entries(config.auths ?? {});
  const left = auths.filter(([name]) => !names.includes(name));
  if (left.length < auths.length) save({ ...config, auths: Object.fromEntries(left) });
}

async function ask(call: HelperCall): Promise<void> {
  const { program, verb } = call;
  const { code, stdout } = await runHelper(call).catch((error: unknown) => {
    throw internal(`error storing credentials: ${program}: ${messageOf(error)}`, {
      cause: error,
      fix: `install ${program}, or remove it from ${dockerConfigPath()}`,
    });
  });
  if (code === 0 || stdout.includes('credentials not found')) return;
  // What it prints may be what it was given.
  throw internal(`error storing credentials: ${program} ${verb}: exit ${code}`);
}

/** Everything else in the file stays. */
function save(config: DockerConfig): void {
  const path = dockerConfigPath();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileAtomic(followed(path), JSON.stringify(config, null, '\t'));
}

/** A link to a file that lies elsewhere stays a link. */
function followed(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there yet.
    return path;
  }
}
