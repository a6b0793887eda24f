// A real TCP-level HTTP proxy in front of a registry that misbehaves on demand: cuts, stalls, corrupts, answers with errors,
// redirects. It runs in the test's process, and records what it was asked.

import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
}

/** Handles a request instead of passing it on (true), or lets it pass. */
export type Fault = (asked: Asked, answer: ServerResponse, nth: number) => boolean | Promise<boolean>;

/** Changes the answer's bytes on their way; `end` cuts the connection. */
export type Tamper = (asked: Asked, chunk: Buffer, at: number) => Buffer | 'cut' | 'stall';

export interface FaultProxy {
  /** `127.0.0.1:port` */
  host: string;
  url: string;
  asked: Asked[];
  fault: Fault | undefined;
  tamper: Tamper | undefined;
  close(): Promise<void>;
}

/** Starts a proxy for `target` (`http://127.0.0.1:port`) on a free port of loopback. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const asked: Asked[] = [];
  const proxy: FaultProxy = {
    host: '',
    url: '',
    asked,
    fault: undefined,
    tamper: undefined,
    close: () => Promise.resolve(),
  };
  const counts = new Map<string, number>();
  const handle = async (question: IncomingMessage, answer: ServerResponse) => {
    const { authorization, range } = question.headers;
    const one: Asked = { method: question.method!, path: question.url!, authorization, range };
    asked.push(one);
    const nth = (counts.get(one.path) ?? 0) + 1;
    counts.set(one.path, nth);
    if (await proxy.fault?.(one, answer, nth)) return;
    const headers = { ...question.headers, host: new URL(target).host };
    const sent = request(new URL(one.path, target), { method: one.method, headers }, (from) => {
      answer.writeHead(from.statusCode!, from.headers);
      let at = 0;
      from.on('data', (chunk: Buffer) => {
        const bytes = proxy.tamper ? proxy.tamper(one, chunk, at) : chunk;
        at += chunk.length;
        if (bytes === 'cut') answer.destroy();
        else if (bytes === 'stall') from.pause();
        else answer.write(bytes);
      });
      from.on('end', () => answer.end());
      from.on('error', () => answer.destroy());
    });
    sent.on('error', () => answer.destroy());
    answer.on('close', () => sent.destroy());
    question.pipe(sent);
  };
  const server = createServer((question, answer) => void handle(question, answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.url = `http://${proxy.host}`;
  proxy.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return proxy;
}
