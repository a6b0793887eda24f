// What a verb works with: the daemon's client, the terminal, the user's configuration; each is made when first asked for.
// Runs in the CLI, as the user.

import { isatty } from 'node:tty';
import { Client } from '../api/client.ts';
import type { DockerConfig } from '../base/docker-config.ts';
import { Output } from './output.ts';

export class Context {
  readonly env: NodeJS.ProcessEnv;
  readonly socketPath: string;
  readonly client: Client;
  readonly out = new Output(1);
  readonly err = new Output(2);
  private loaded: DockerConfig | undefined;

  /**
   * @param socketPath absolute path of the daemon's socket
   * @param start whether a daemon that does not answer is started
   */
  constructor(socketPath: string, { env, start }: { env: NodeJS.ProcessEnv; start: boolean }) {
    this.env = env;
    this.socketPath = socketPath;
    const wake = async () => (await import('./start-daemon.ts')).startDaemon(this);
    this.client = new Client(socketPath, start ? wake : undefined);
  }

  get inputIsTerminal(): boolean {
    return isatty(0);
  }

  /** ~/.docker/config.json. @throws invalidArgument when it is not JSON */
  async config(): Promise<DockerConfig> {
    if (this.loaded) return this.loaded;
    const { readDockerConfig } = await import('../base/docker-config.ts');
    return (this.loaded = readDockerConfig());
  }
}
