// What is no part of one machine: the API answers as a Docker that is in no swarm; and docker-env, which points clients here.

import { request } from 'node:http';
import { expect, test } from 'vitest';
import { run } from '../support/process.ts';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('swarm, plugins, docker-env', (engine) => {
  const ask = (method: string, path: string) =>
    new Promise<[status: number, body: unknown]>((resolve, reject) => {
      const call = request({ socketPath: engine.spec.socket, method, path }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve([response.statusCode!, JSON.parse(text)]));
      });
      call.once('error', reject).end();
    });

  test.each(['/swarm', '/nodes', '/nodes/x', '/services', '/services/x', '/tasks', '/secrets', '/configs/x'])(
    'GET %s is 503: no manager',
    async (path) => {
      const [status, body] = await ask('GET', path);
      expect([status, body]).toEqual([
        503,
        { message: expect.stringMatching(/^This node is not a swarm manager\. Use "docker swarm init" or/) as string },
      ]);
    },
  );

  test('leaving a swarm is 503: part of none', async () => {
    expect(await ask('POST', '/swarm/leave')).toEqual([503, { message: 'This node is not part of a swarm' }]);
  });

  test('there are no plugins, and one that is asked for is not found', async () => {
    expect(await ask('GET', '/plugins')).toEqual([200, []]);
    expect(await ask('GET', '/plugins/none/json')).toEqual([
      404,
      { message: expect.stringMatching(/not found/) as string },
    ]);
  });

  test('docker-env is what points a client here', async ({ skip }) => {
    if (engine.spec.client !== 'punnet') skip('docker has no such verb');
    const text = await engine.must(['docker-env']);
    const { stdout } = await run('sh', ['-c', `DOCKER_CONTEXT=other; ${text}\necho "$DOCKER_HOST|$DOCKER_CONTEXT"`]);
    expect(stdout).toBe(`unix://${engine.spec.socket}|\n`);
  });
});
