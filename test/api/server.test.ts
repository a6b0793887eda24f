// The HTTP side alone: a stand-in engine records what arrives, real sockets carry it.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend, ContainerBackend, ExecBackend, ImageBackend, SystemBackend } from '../../src/api/backend.ts';
import { serve, type Listening } from '../../src/api/server.ts';
import { conflict, notFound, notModified } from '../../src/base/errors.ts';

let directory: string;
let socket: string;
let listening: Listening;

async function start(parts: {
  system?: Partial<SystemBackend>;
  images?: Partial<ImageBackend>;
  containers?: Partial<ContainerBackend>;
  execs?: Partial<ExecBackend>;
}): Promise<void> {
  const backend = { system: {}, images: {}, containers: {}, execs: {}, ...parts } as Backend;
  listening = await serve(backend, { socket });
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socket, method, path, headers }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text }));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    if (body !== undefined) {
      outgoing.setHeader('Content-Type', 'application/json');
      outgoing.write(typeof body === 'string' ? body : JSON.stringify(body));
    }
    outgoing.end();
  });
}

/** Everything a raw connection receives until the server ends it. */
function raw(
  send: string,
  during?: (connection: Socket, seen: string) => void,
  then?: (connection: Socket) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const connection = connect({ path: socket, allowHalfOpen: true }, () => {
      connection.write(send);
      then?.(connection);
    });
    connection.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      during?.(connection, seen);
    });
    connection.on('end', () => {
      connection.end();
      resolve(seen);
    });
    connection.on('error', reject);
  });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'punnet-api-'));
  socket = join(directory, 's');
});

afterEach(async () => {
  await listening.close();
  rmSync(directory, { recursive: true });
});

describe('negotiation', () => {
  test('only the owner may connect', async () => {
    await start({});
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  test('ping carries the headers that clients negotiate by', async () => {
    await start({});
    const answer = await call('HEAD', '/_ping');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers).toMatchObject({
      'api-version': '1.51',
      ostype: 'linux',
      'builder-version': '1',
      swarm: 'inactive',
    });
    expect((await call('GET', '/_ping')).body).toBe('OK');
  });

  test.each([
    ['/v1.52/info', 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    [
      '/v1.23/info',
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    ],
  ])('%s is refused with 400 and the reason', async (path, message) => {
    await start({});
    expect(await call('GET', path)).toMatchObject({ status: 400, body: `${JSON.stringify({ message })}\n` });
  });

  test('a bare path and every version between work', async () => {
    await start({ system: { info: () => Promise.resolve({ a: 1 }) } });
    for (const path of ['/info', '/v1.24/info', '/v1.51/info'])
      expect((await call('GET', path)).body).toBe('{"a":1}\n');
  });

  test.each(['/v1.40/nothing', '/vx/info', '/', '/containers//json'])('%s is "page not found"', async (path) => {
    await start({});
    expect(await call('GET', path)).toMatchObject({ status: 404, body: '{"message":"page not found"}\n' });
  });
});

describe('errors and bodies', () => {
  test.each([
    [notFound('No such container: x'), 404],
    [conflict('c'), 409],
    [new Error('boom'), 500],
  ])('%s becomes a status with {"message"}', async (error, status) => {
    await start({ containers: { inspect: () => Promise.reject(error) } });
    expect(await call('GET', '/containers/x/json')).toMatchObject({
      status,
      body: `${JSON.stringify({ message: error.message })}\n`,
    });
  });

  test('304 has no body', async () => {
    await start({ containers: { start: () => Promise.reject(notModified('running')) } });
    expect(await call('POST', '/containers/x/start')).toMatchObject({ status: 304, body: '' });
  });

  test.each([
    ['', 'invalid JSON: got EOF while reading request body'],
    ['[]', 'invalid JSON: expected an object'],
  ])('create with body %j is refused', async (body, message) => {
    await start({});
    const answer = await call('POST', '/containers/create', body, { 'Content-Type': 'application/json' });
    expect(answer).toMatchObject({ status: 400, body: `${JSON.stringify({ message })}\n` });
  });

  test('create wants application/json', async () => {
    await start({});
    const answer = await call('POST', '/containers/create', undefined, { 'Content-Type': 'text/plain' });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("unsupported Content-Type header (text/plain): must be 'application/json'");
  });

  test('image names keep their slashes', async () => {
    await start({ images: { inspect: (name) => Promise.resolve({ name }) } });
    const asked = async (path: string) => JSON.parse((await call('GET', path)).body) as { name: string };
    expect((await asked('/v1.43/images/ghcr.io/a/b:c/json')).name).toBe('ghcr.io/a/b:c');
    expect((await asked('/images/a%2Fb/json')).name).toBe('a/b');
  });

  test('both forms of filters mean the same', async () => {
    await start({ containers: { list: ({ filters }) => Promise.resolve([filters]) } });
    for (const filters of ['{"label":["a","b"]}', '{"label":{"a":true,"b":true,"c":false}}']) {
      const answer = await call('GET', `/containers/json?filters=${encodeURIComponent(filters)}`);
      expect(answer.body).toBe('[{"label":["a","b"]}]\n');
    }
    expect((await call('GET', '/containers/json?filters=x')).body).toBe('{"message":"invalid filter"}\n');
  });
});

describe('pull', () => {
  test('fails with a status before the first line and with a line after it', async () => {
    let lines = 0;
    await start({
      images: {
        pull: (reference, { progress }) => {
          if (lines > 0) progress({ status: `Pulling ${reference}` });
          return Promise.reject(notFound('manifest unknown'));
        },
      },
    });
    expect((await call('POST', '/images/create?fromImage=a/b&tag=c')).status).toBe(404);
    lines = 1;
    const answer = await call('POST', '/images/create?fromImage=a/b&tag=sha256:0');
    expect(answer.status).toBe(200);
    expect(answer.body.split('\r\n')).toEqual([
      '{"status":"Pulling a/b@sha256:0"}',
      '{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}',
      '',
    ]);
  });

  test('a client that goes away aborts it', async () => {
    const aborted = deferred();
    await start({
      images: {
        pull: (_reference, { signal, progress }) => {
          progress({ status: 'x' });
          return new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              aborted.resolve();
              reject(new Error('aborted'));
            }),
          );
        },
      },
    });
    const connection = connect(socket);
    connection.write('POST /images/create?fromImage=a HTTP/1.1\r\nHost: d\r\n\r\n');
    connection.once('data', () => connection.destroy());
    await aborted.promise;
  });
});

describe('wait', () => {
  test('sends headers when the waiter is registered and the body at the exit', async () => {
    const exit = deferred<{ StatusCode: number }>();
    await start({
      containers: {
        wait: (_id, { ready }) => {
          ready();
          return exit.promise;
        },
      },
    });
    const seen = await raw('POST /containers/x/wait HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n', (_c, text) => {
      if (text.includes('\r\n\r\n')) exit.resolve({ StatusCode: 7 });
    });
    expect(seen).toContain('200 OK');
    expect(seen).toContain('{"StatusCode":7}');
  });

  test('refuses an unknown condition', async () => {
    await start({});
    expect((await call('POST', '/containers/x/wait?condition=soon')).body).toBe(
      '{"message":"invalid condition: \\"soon\\""}\n',
    );
  });
});

describe('attach', () => {
  const echo: Partial<ContainerBackend> = {
    isTty: () => Promise.resolve(false),
    attach: (_id, _options, open) => {
      const connection = open();
      connection.on('data', (chunk: Buffer) => connection.write(`<${chunk.toString()}>`));
      return new Promise((resolve) =>
        connection.on('end', () => {
          connection.end('EOF');
          resolve();
        }),
      );
    },
  };

  test.each([
    ['with an upgrade', 'Connection: Upgrade\r\nUpgrade: tcp\r\n', 'HTTP/1.1 101 UPGRADED\r\n', 'multiplexed-stream'],
    ['without one', '', 'HTTP/1.1 200 OK\r\n', 'raw-stream'],
  ])('%s, the connection is raw both ways and half-close arrives', async (_name, headers, status, type) => {
    await start({ containers: echo });
    let stage = 0;
    const seen = await raw(
      `POST /v1.45/containers/x/attach?stdin=1 HTTP/1.1\r\nHost: d\r\n${headers}\r\n`,
      (c, text) => {
        if (stage === 0 && text.includes('\r\n\r\n')) {
          stage = 1;
          c.write('in');
        } else if (stage === 1 && text.includes('<in>')) {
          stage = 2;
          c.end();
        }
      },
    );
    expect(seen.startsWith(status)).toBe(true);
    expect(seen).toContain(`Content-Type: application/vnd.docker.${type}\r\n`);
    expect(seen.endsWith('\r\n\r\n<in>EOF')).toBe(true);
  });

  test('bytes behind the request are not lost', async () => {
    await start({ containers: echo });
    const seen = await raw(
      'POST /containers/x/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly',
      (c, text) => {
        if (text.includes('<early>')) c.end();
      },
    );
    expect(seen).toContain('<early>');
  });

  test.each(['whole, right behind the header', 'in two packets of its own'])(
    'a body of an upgrade that comes %s is read, and what comes later still arrives',
    async (how) => {
      const body = '{"Detach":false,"Tty":false}';
      const execs: Partial<ExecBackend> = {
        start: (id, options) => echo.attach!(id, {} as never, options.open),
      };
      await start({ execs });
      const parts = how.startsWith('whole') ? [body] : [body.slice(0, 9), body.slice(9)];
      let stage = 0;
      const header =
        'POST /v1.45/exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${body.length}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
      const seen = await raw(
        how.startsWith('whole') ? header + body : header,
        (c, text) => {
          if (stage === 0 && text.includes('101 UPGRADED')) {
            stage = 1;
            c.write('in');
          } else if (stage === 1 && text.includes('<in>')) {
            stage = 2;
            c.end();
          }
        },
        (c) => {
          if (parts.length < 2) return;
          setTimeout(() => c.write(parts[0]!), 20);
          setTimeout(() => c.write(parts[1]!), 40);
        },
      );
      expect(seen.endsWith('\r\n\r\n<in>EOF')).toBe(true);
    },
  );

  test('an error before the hijack is an ordinary answer', async () => {
    await start({ containers: { isTty: () => Promise.reject(notFound('No such container: x')) } });
    const seen = await raw(
      'POST /containers/x/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    expect(seen).toContain('404 Not Found');
    expect(seen).toContain('{"message":"No such container: x"}');
  });

  test('an upgrade to something else on an ordinary route is an ordinary answer', async () => {
    await start({ system: { info: () => Promise.resolve({}) } });
    const seen = await raw('GET /info HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    expect(seen).toContain('200 OK');
  });
});

function deferred<T = void>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
