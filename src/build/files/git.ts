// Repositories as sources: `https://host/owner/name.git#ref:directory`, fetched by the host's git without what a repository
// could make it run. Runs in the daemon, which starts git. moby: pkg git (builder/remotecontext/git), gitrepository-layout(5)

import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, invalidArgument, messageOf, unavailable } from '../../base/errors.ts';
import { cleanPath } from '../path-match.ts';

const run = promisify(execFile);

export interface CloneOptions {
  /** an empty directory */
  directory: string;
  keepGitDirectory: boolean;
  signal: AbortSignal;
}

/**
 * Fetches one commit into `directory`; gives the subdirectory that the fragment names, '' for the whole.
 * @throws unavailable when there is no git here; invalidArgument with what git says
 */
export async function cloneRepository(text: string, options: CloneOptions): Promise<string> {
  const hash = text.indexOf('#');
  const remote = hash < 0 ? text : text.slice(0, hash);
  const [reference = '', wanted = ''] = hash < 0 ? [] : text.slice(hash + 1).split(':', 2);
  const subdirectory = cleanPath(`/${wanted}`).slice(1);
  // Either could be taken for an option.
  if (remote.startsWith('-') || reference.startsWith('-')) throw invalidArgument(`invalid git source ${text}`);
  const git = (...words: string[]) => command(words, { text, ...options });
  await git('init', '--quiet');
  await git('fetch', '--quiet', '--depth=1', remote, reference || 'HEAD');
  await git('checkout', '--quiet', 'FETCH_HEAD');
  await git('submodule', 'update', '--quiet', '--init', '--recursive', '--depth=1');
  if (!options.keepGitDirectory) rmSync(join(options.directory, '.git'), { recursive: true, force: true });
  return subdirectory;
}

async function command(words: string[], { text, directory, signal }: CloneOptions & { text: string }): Promise<void> {
  // No question at a terminal that nobody sees, no hooks, and no protocol by which a repository names files of this host.
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'https:http:git:ssh',
  };
  const config = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.symlinks=true'];
  try {
    await run('git', [...config, ...words], { cwd: directory, env, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (errnoOf(error) === 'ENOENT') {
      throw unavailable(`fetch ${text}: there is no program git here`, { cause: error, fix: 'apt-get install git' });
    }
    const said = (error as { stderr?: string }).stderr?.trim();
    throw invalidArgument(`fetch ${text}: git ${words[0]}: ${said || messageOf(error)}`, { cause: error });
  }
}
