import { createServer as createHttp } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, Client } from '../../src/api/client.ts';
import { demultiplexer } from '../../src/api/demultiplex.ts';
import { makeScratch, until } from '../support/until.ts';

let directory: string;
let path: string;
let server: Server | undefined;
const open = new Set<Socket>();

beforeEach(() => {
  directory = makeScratch('client');
  path = join(directory, 's');
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** A daemon of raw bytes: every request is answered by the next text, sent in pieces. */
async function raw(answer: (socket: Socket, request: string, count: number) => void): Promise<Client> {
  let count = 0;
  server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => answer(socket, data.toString(), count++));
  });
  await new Promise<void>((resolve) => server!.listen(path, resolve));
  return new Client(path);
}

const JSON_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\nT: r\r\n\r\n';

describe('client', () => {
  it.each([
    ['with a length', JSON_ANSWER],
    ['in chunks with extensions and trailers', CHUNKED],
    ['that ends with the connection', 'HTTP/1.1 200 OK\r\n\r\n{"a":1}'],
    ['after 100 Continue', `HTTP/1.1 100 Continue\r\n\r\n${JSON_ANSWER}`],
  ])('an answer %s is read whole, byte by byte', async (_, text) => {
    const client = await raw((socket) => {
      for (const byte of Buffer.from(text)) socket.write(Buffer.from([byte]));
      if (!/Length|chunked/.test(text)) socket.end();
    });
    expect(await client.call('GET', '/x')).toEqual({ a: 1 });
    client.close();
  });

  it('one connection serves request after request', async () => {
    let connections = 0;
    const client = await raw((socket) => socket.write(CHUNKED));
    server!.on('connection', () => connections++);
    for (let at = 0; at < 30; at++) expect(await client.call('POST', '/x')).toEqual({ a: 1 });
    expect(connections).toBe(1);
    client.close();
  });

  it('a kept connection that the daemon has closed is replaced', async () => {
    const client = await raw((socket) => socket.end(JSON_ANSWER));
    expect(await client.call('GET', '/x')).toEqual({ a: 1 });
    expect(await client.call('GET', '/x')).toEqual({ a: 1 });
    client.close();
  });

  it('a status of 400 and above is an error with the daemon’s reason', async () => {
    const body = '{"message":"No such container: x"}\n';
    const client = await raw((s) => s.write(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
    const failure = client.call('GET', '/x');
    await expect(failure).rejects.toThrow('Error response from daemon: No such container: x');
    await expect(failure).rejects.toMatchObject({ kind: 'notFound', status: 404 });
    await expect(client.hijack('/x')).rejects.toBeInstanceOf(ApiError);
    client.close();
  });

  it.each([
    ['', 'the punnet daemon closed the connection without an answer'],
    ['SSH-2.0-x\r\n\r\n', 'the daemon did not answer in HTTP'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":1}', 'ended in the middle of an answer'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'the daemon sent a malformed chunk'],
  ])('a daemon that answers %j is an error', async (text, message) => {
    const client = await raw((socket) => socket.end(text));
    await expect(client.call('GET', '/x')).rejects.toThrow(message);
    client.close();
  });

  it('nobody listening is an error that names the socket, and wakes the daemon once', async () => {
    await expect(new Client(path).call('GET', '/x')).rejects.toThrow(
      `Cannot connect to the punnet daemon at unix://${path}. Is the punnet daemon running?`,
    );
    let woken = 0;
    const client = new Client(path, async () => {
      woken++;
      await raw((socket) => socket.write(JSON_ANSWER));
    });
    expect(await client.call('GET', '/x')).toEqual({ a: 1 });
    expect(woken).toBe(1);
    client.close();
  });

  it('names cannot end the path or the request line', async () => {
    let seen = '';
    const client = await raw((socket, request) => {
      seen = request.split('\r\n')[0]!;
      socket.write(JSON_ANSWER);
    });
    await client.call('GET', '/containers/a b?x#y\r\nEvil: 1/json', { query: { q: 'a&b', yes: true, no: false } });
    expect(seen).toBe('GET /containers/a%20b%3Fx%23y%0D%0AEvil:%201/json?q=a%26b&yes=1 HTTP/1.1');
    client.close();
  });

  it('a hijacked connection carries bytes both ways and its end', async () => {
    const http = createHttp();
    http.on('upgrade', (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n\r\nearly',
      );
      socket.on('data', (data: Buffer) => socket.write(`<${data.toString()}>`));
      socket.on('end', () => socket.end('bye'));
    });
    server = http;
    await new Promise<void>((resolve) => http.listen(path, resolve));
    const { socket, contentType } = await new Client(path).hijack('/attach');
    let got = '';
    socket.on('data', (data: Buffer) => (got += data.toString()));
    socket.resume();
    socket.write('in');
    await until('echo', () => got.includes('<in>'));
    socket.end();
    await until('end', () => got.endsWith('bye'));
    expect([got, contentType]).toEqual(['early<in>bye', 'application/vnd.docker.raw-stream']);
  });

  it('an aborted request gives its reason', async () => {
    const client = await raw(() => {});
    const abort = new AbortController();
    const call = client.call('GET', '/x', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });

  it('a stream comes as it is sent', async () => {
    let connection: Socket | undefined;
    const client = await raw((socket) => {
      connection = socket;
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
    });
    const { body } = await client.stream('GET', '/x');
    const pieces: string[] = [];
    for await (const piece of body) {
      pieces.push(String(piece));
      if (pieces.length === 1) connection!.write('3\r\ntwo\r\n0\r\n\r\n');
    }
    expect(pieces).toEqual(['one', 'two']);
    client.close();
  });
});

describe('frames', () => {
  const frame = (stream: number, text: string) => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  it('are told apart wherever the chunks are cut', () => {
    const all = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, 'more')]);
    for (let size = 1; size <= all.length; size++) {
      const got: Record<string, string> = { stdout: '', stderr: '' };
      const feed = demultiplexer((stream, data) => (got[stream] += data.toString()));
      for (let at = 0; at < all.length; at += size) feed(all.subarray(at, at + size));
      expect(got).toEqual({ stdout: 'outmore', stderr: 'err' });
    }
  });

  it('of no known stream are an error', () => {
    expect(() => demultiplexer(() => {})(frame(9, 'x'))).toThrow('Unrecognized input header: 9');
  });
});
