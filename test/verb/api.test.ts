// Every route of the Engine API answers with the status and the body that Docker's reference document has: by plain HTTP.

import { request, type IncomingMessage } from 'node:http';
import { describe, expect, inject, test } from 'vitest';
import { ApiSchema } from '../support/api-schema.ts';
import { claims } from '../support/claims.ts';
import type { Engine } from '../support/engine.ts';
import { engines } from '../support/every-engine.ts';
import { need } from '../support/need.ts';
import { ACCEPTED, NOT_WALKED, STEPS, type Step } from './api.steps.ts';

const SWARM = /^\w+ \/(swarm|nodes|services|tasks|secrets|configs|plugins)\b/;

const missing = need('shared');
const schema = missing === undefined ? new ApiSchema() : undefined;

/** One of each socket: what the client is makes no difference here. */
const sockets = engines().filter(
  (engine, index, all) => all.findIndex(({ spec }) => spec.socket === engine.spec.socket) === index,
);

for (const engine of sockets) {
  claims(`Engine API: ${engine.label}`, engine.spec.skip, () => {
    const unique = engine.name('walk');
    const kept: Record<string, string> = { unique, registry: inject('registry'), network: '', exec: '', id: '' };
    const fill = (text: string) =>
      text.replace(/\{(\w+)\}/g, (token, name: string) => (name === 'now' ? now() : (kept[name] ?? token)));

    test.each(STEPS.map((step, index) => [step.route, step.status, describeStep(step), index] as const))(
      '%s is %i %s',
      async (_route, _status, _title, index) => {
        const step = STEPS[index]!;
        if (step.onlyPunnet !== undefined && engine.spec.kind === 'docker') return;
        const { status, text } = await ask(engine, step, fill);
        expect([status, status === step.status ? '' : text]).toEqual([step.status, '']);
        if (status < 400 && (step.hijack || text === '' || !/^[[{]/.test(text))) return;
        const bodies = step.lines ? text.trimEnd().split('\n') : [text];
        for (const body of bodies.slice(0, step.lines ? undefined : 1)) {
          if (/^\{.*\}\r?\n\{/.test(body)) continue;
          const value = JSON.parse(body) as never;
          for (const [name, read] of Object.entries(step.keep ?? {})) kept[name] = read(value);
          if (step.like !== undefined) expect(value).toMatchObject(step.like as object);
          if (schema) expect(faults(schema, step, value)).toEqual([]);
        }
      },
    );
  });
}

describe.skipIf(missing)(`the reference document${missing ? ` (skipped: ${missing})` : ''}`, () => {
  test('every route of it is walked, or left out with a reason', () => {
    const walked = new Set(STEPS.map(({ route }) => route));
    const left = schema!.routes().filter((route) => !SWARM.test(route) && !walked.has(route) && !(route in NOT_WALKED));
    expect(left).toEqual([]);
  });

  test('no step asks for a route that it does not have', () => {
    expect(STEPS.filter(({ route }) => !schema!.routes().includes(route))).toEqual([]);
  });
});

function faults(reference: ApiSchema, { route, status }: Step, body: unknown): string[] {
  const accepted = ACCEPTED.filter(([of]) => of === route);
  return reference.faults(route, status, body).filter((fault) => !accepted.some(([, pattern]) => pattern.test(fault)));
}

const now = () => String(Math.floor(Date.now() / 1000) + 1);

function describeStep({ id, query, body }: Step): string {
  const part = [id && `(${id})`, query && `?${query}`, Buffer.isBuffer(body) ? 'with an archive' : ''];
  return part.filter(Boolean).join(' ');
}

/** Sends the request; a hijacked connection is read to its end. */
async function ask(
  engine: Engine,
  step: Step,
  fill: (text: string) => string,
): Promise<{ status: number; text: string }> {
  const [method = '', template = ''] = step.route.split(' ');
  const path = template.replace(/\{\w+\}/, (token) => fill(step.id ?? token));
  const query = step.query === undefined ? '' : `?${encodeURI(fill(step.query))}`;
  const body = Buffer.isBuffer(step.body) || step.body === undefined ? step.body : fill(JSON.stringify(step.body));
  const headers = {
    ...(typeof body === 'string' && { 'Content-Type': 'application/json' }),
    ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...(step.hijack && { Connection: 'Upgrade', Upgrade: 'tcp' }),
    ...step.headers,
  };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: engine.spec.socket, method, path: path + query, headers, agent: false });
    call.once('error', reject);
    call.once('response', (response) => void read(response).then(resolve, reject));
    call.once('upgrade', (response, socket) => {
      socket.once('close', () => resolve({ status: response.statusCode!, text: '' }));
      socket.resume().end();
    });
    call.end(body);
  });
}

async function read(response: IncomingMessage): Promise<{ status: number; text: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode!, text: Buffer.concat(chunks).toString('latin1') };
}
