// The few requests of the Engine API that the bench times, the same for every engine: node:http with kept connections.

import { Agent, request } from 'node:http';

export class EngineApi {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Creates, starts, waits for and removes a container of busybox. */
  async round(command: string[]): Promise<void> {
    const id = await this.create(command);
    await this.send('POST', `/containers/${id}/start`);
    const { StatusCode } = (await this.send('POST', `/containers/${id}/wait`)) as { StatusCode: number };
    if (StatusCode !== 0) throw new Error(`${command.join(' ')} ended with ${StatusCode}`);
    await this.remove(id);
  }

  async create(Cmd: string[]): Promise<string> {
    const body = { Image: 'busybox', Cmd, HostConfig: { NetworkMode: 'none' } };
    return ((await this.send('POST', '/containers/create', body)) as { Id: string }).Id;
  }

  /** Starts a container that stays. */
  async detached(Cmd: string[]): Promise<string> {
    const id = await this.create(Cmd);
    await this.send('POST', `/containers/${id}/start`);
    return id;
  }

  async remove(id: string): Promise<void> {
    await this.send('DELETE', `/containers/${id}?force=1&v=1`);
  }

  /** Sends JSON and reads the answer to its end. @throws Error with the engine's message */
  send(method: string, path: string, body?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const headers = body ? { 'content-type': 'application/json' } : {};
      const sent = request({ socketPath: this.#socket, agent: this.#agent, method, path, headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(parts).toString();
          if (answer.statusCode! >= 400) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
          else resolve(text.startsWith('{') ? JSON.parse(text) : undefined);
        });
      });
      sent.once('error', reject);
      sent.end(body ? JSON.stringify(body) : undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
