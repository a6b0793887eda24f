// dockerode, the client library that most of Node's world uses, calls every route that it has: the same script on dockerd
// and on punnet.

import { readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { expect, inject, onTestFinished, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { engines } from '../support/every-engine.ts';
import { tarOf } from '../support/image.ts';
import { until } from '../support/until.ts';

/** One of each socket: the client here is dockerode. */
const sockets = engines().filter(
  (engine, index, all) => all.findIndex(({ spec }) => spec.socket === engine.spec.socket) === index,
);

for (const engine of sockets) {
  claims(`dockerode: ${engine.label}`, engine.spec.skip, () => {
    const docker = new Docker({ socketPath: engine.spec.socket });
    const registry = inject('registry');

    const created = async (options: Partial<Docker.ContainerCreateOptions> = {}) => {
      const { HostConfig, ...rest } = options;
      const container = await docker.createContainer({
        Image: 'busybox',
        Cmd: ['sleep', '600'],
        name: engine.name('rode'),
        HostConfig: { NetworkMode: 'none', ...HostConfig },
        ...rest,
      });
      onTestFinished(() => engine.remove(container.id));
      return container;
    };
    const running = async (options: Partial<Docker.ContainerCreateOptions> = {}) => {
      const container = await created(options);
      await container.start();
      return container;
    };
    const followed = (stream: NodeJS.ReadableStream) =>
      new Promise<{ status?: string; stream?: string; aux?: unknown; error?: string }[]>((resolve, reject) =>
        docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines as []))),
      );
    /** Both outputs of a stream that is not a terminal's, once it has ended. */
    const separate = async (stream: NodeJS.ReadableStream) => {
      const [out, err] = [new PassThrough(), new PassThrough()];
      docker.modem.demuxStream(stream, out, err);
      stream.once('end', () => [out, err].forEach((one) => one.end()));
      return { out: await text(out), err: await text(err) };
    };
    const refused = (status: number, message: RegExp) => ({
      statusCode: status,
      json: { message: expect.stringMatching(message) as string },
    });

    test('ping, version, info, df', async () => {
      expect(((await docker.ping()) as Buffer).toString()).toBe('OK');
      expect(await docker.version()).toMatchObject({
        Os: 'linux',
        ApiVersion: expect.stringMatching(/^1\.\d+$/) as string,
      });
      expect(await docker.info()).toMatchObject({ OSType: 'linux', Swarm: { LocalNodeState: 'inactive' } });
      expect(await docker.df()).toMatchObject({ Images: expect.any(Array) as [], Volumes: expect.any(Array) as [] });
    });

    test('checkAuth takes what a registry without a password takes', async () => {
      expect(await docker.checkAuth({ username: 'u', password: 'p', serveraddress: registry })).toMatchObject({
        Status: 'Login Succeeded',
      });
    });

    test('run: output goes to a stream, the result has the exit code', async () => {
      const sink = new PassThrough();
      const options = { HostConfig: { NetworkMode: 'none' } };
      const [result, container] = (await docker.run(
        'busybox',
        ['sh', '-c', 'echo said; exit 3'],
        sink,
        { Tty: true, ...options },
        {},
      )) as [{ StatusCode: number }, Docker.Container];
      onTestFinished(() => engine.remove(container.id));
      sink.end();
      expect([result.StatusCode, await text(sink)]).toEqual([3, 'said\r\n']);
    });

    test('a container: create, inspect, list, start, top, stats, stop, restart, kill, wait, remove', async () => {
      const label = engine.name('label');
      const container = await created({ Labels: { [label]: 'x' } });
      expect(await container.inspect()).toMatchObject({ State: { Status: 'created' } });
      await container.start();
      await expect(container.start()).rejects.toMatchObject({ statusCode: 304 });
      const filters = { label: [`${label}=x`], status: ['running'] };
      expect((await docker.listContainers({ filters })).map(({ Id }) => Id)).toEqual([container.id]);
      expect((await container.top({ ps_args: '-o pid,args' })) as object).toMatchObject({
        Processes: [[expect.stringMatching(/\d+/), expect.stringMatching(/sleep 600/)]],
      });
      expect(await container.stats({ stream: false })).toMatchObject({ id: container.id, num_procs: 0 });
      await container.restart({ t: 0 });
      const ended = container.wait() as Promise<{ StatusCode: number }>;
      await container.kill({ signal: 'SIGKILL' });
      expect((await ended).StatusCode).toBe(137);
      await expect(container.stop()).rejects.toMatchObject({ statusCode: 304 });
      await expect(container.kill()).rejects.toMatchObject(refused(409, /is not running/));
      await container.start();
      await container.stop({ t: 0 });
      await expect(container.wait({ condition: 'next-exit', abortSignal: AbortSignal.timeout(10) })).rejects.toThrow();
      await container.remove({ v: true });
      await expect(container.inspect()).rejects.toMatchObject(refused(404, /No such container/));
    });

    test('update and rename', async () => {
      const container = await created();
      const name = engine.name('renamed');
      await container.rename({ name });
      await container.update({ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } });
      expect(await docker.getContainer(name).inspect()).toMatchObject({
        Id: container.id,
        Name: `/${name}`,
        HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
      });
    });

    test('attach before the start: input by hijacking, output in frames', async () => {
      const container = await created({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      const output = separate(stream);
      await container.start();
      stream.end('through\n');
      expect(await output).toEqual({ out: 'through\n', err: '' });
    });

    test('resize tells a terminal its size', async () => {
      const container = await created({ Cmd: ['sh', '-c', 'read x; stty size'], Tty: true, OpenStdin: true });
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
      await container.start();
      await container.resize({ h: 33, w: 77 });
      stream.write('\n');
      expect(await text(stream)).toMatch(/33 77/);
    });

    test('logs: both outputs apart, at once and followed', async () => {
      const container = await running({ Cmd: ['sh', '-c', 'echo out; echo err >&2'] });
      await container.wait();
      const at = { stdout: true, stderr: true } as const;
      const followed = await container.logs({ ...at, follow: true });
      expect(await separate(followed)).toEqual({ out: 'out\n', err: 'err\n' });
      const whole = await container.logs({ ...at, follow: false, tail: 1, timestamps: true });
      expect(whole.toString('latin1')).toMatch(/^[\x01\x02]\0\0\0/);
    });

    test('archives: put, info, get, changes, export', async () => {
      const container = await created();
      await container.putArchive(tarOf([{ name: 'note', content: 'words' }]), { path: '/tmp' });
      const info = (await container.infoArchive({ path: '/tmp/note' })) as { headers: Record<string, string> };
      const stat = JSON.parse(
        Buffer.from(info.headers['x-docker-container-path-stat']!, 'base64').toString(),
      ) as object;
      expect(stat).toMatchObject({ name: 'note', size: 5 });
      expect((await buffer(await container.getArchive({ path: '/tmp/note' }))).toString('latin1')).toContain('words');
      expect(await container.changes()).toContainEqual({ Kind: 1, Path: '/tmp/note' });
      expect((await buffer(await container.export())).toString('latin1')).toContain('tmp/note');
    });

    test('exec: create, start with input, inspect, resize of none', async () => {
      const container = await running();
      const exec = await container.exec({
        Cmd: ['sh', '-c', 'cat; echo $A >&2; exit 4'],
        Env: ['A=b'],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
      });
      const stream = await exec.start({ hijack: true, stdin: true });
      const output = separate(stream);
      stream.end('in');
      expect(await output).toEqual({ out: 'in', err: 'b\n' });
      await until('its end is told', async () => !(await exec.inspect()).Running);
      expect(await exec.inspect()).toMatchObject({ ExitCode: 4, ContainerID: container.id });
      await expect(docker.getExec('none').resize({ h: 1, w: 1 })).rejects.toMatchObject({ statusCode: 404 });
    });

    test('images: list, inspect, history, tag, push, distribution, pull, get, load, remove', async () => {
      const repository = `${registry}/rode/${engine.name('i')}`;
      const busybox = docker.getImage('busybox');
      const { Id } = await busybox.inspect();
      expect((await docker.listImages({ filters: { reference: ['busybox'] } })).map((image) => image.Id)).toEqual([Id]);
      expect((await busybox.history()) as object[]).not.toEqual([]);
      await busybox.tag({ repo: repository, tag: 't' });
      const image = docker.getImage(`${repository}:t`);
      const pushed = await followed(
        await image.push({ authconfig: { username: '', password: '', serveraddress: registry } }),
      );
      expect(pushed).toContainEqual({ status: expect.stringMatching(/^t: digest: sha256:/) as string });
      const { Descriptor } = (await image.distribution()) as { Descriptor: { digest: string } };
      expect(Descriptor.digest).toMatch(/^sha256:/);
      const saved = await buffer(await image.get());
      await image.remove();
      await followed(await docker.pull(`${repository}:t`));
      expect((await image.inspect()).RepoDigests).toContain(`${repository}@${Descriptor.digest}`);
      await image.remove();
      const loaded = await followed(await docker.loadImage(Readable.from([saved])));
      expect(JSON.stringify(loaded)).toContain(`Loaded image: ${repository}:t`);
      expect((await image.inspect()).Id).toBe(Id);
      expect(await image.remove()).toContainEqual({ Untagged: `${repository}:t` });
      await expect(image.inspect()).rejects.toMatchObject(refused(404, /No such image/));
      await expect(docker.pull(`${registry}/rode/none:x`)).rejects.toMatchObject({ statusCode: 404 });
    });

    test('an image from an archive, from a container, from a Dockerfile', async () => {
      const name = engine.name('made');
      onTestFinished(async () => void (await engine.cli(['rmi', '-f', `${name}:a`, `${name}:b`, `${name}:c`])));
      await followed(
        await docker.importImage(Readable.from([tarOf([{ name: 'f', content: 'x' }])]), { repo: name, tag: 'a' }),
      );
      const container = await created();
      const { Id } = (await container.commit({ repo: name, tag: 'b', changes: 'ENV K=v' })) as { Id: string };
      expect((await docker.getImage(Id).inspect()).Config.Env).toContain('K=v');
      const context = tarOf([{ name: 'Dockerfile', content: 'FROM busybox\nLABEL by=dockerode\n' }]);
      const lines = await followed(await docker.buildImage(Readable.from([context]), { t: `${name}:c` }));
      expect(lines.map(({ stream = '' }) => stream).join('')).toMatch(/Successfully tagged/);
      expect((await docker.getImage(`${name}:c`).inspect()).Config.Labels).toEqual({ by: 'dockerode' });
    });

    test('volumes: create, list, inspect, remove', async () => {
      const Name = engine.name('volume');
      await docker.createVolume({ Name, Labels: { rode: Name } });
      const { Volumes } = await docker.listVolumes({ filters: JSON.stringify({ label: [`rode=${Name}`] }) });
      expect(Volumes.map((volume) => volume.Name)).toEqual([Name]);
      const volume = docker.getVolume(Name);
      expect(await volume.inspect()).toMatchObject({ Name, Driver: 'local', Scope: 'local' });
      await volume.remove();
      await expect(volume.inspect()).rejects.toMatchObject(refused(404, /no such volume/));
    });

    test('networks: create, list, inspect, connect, disconnect, remove', async ({ skip }) => {
      if (engine.spec.kind === 'docker') skip('the dockerd of these tests makes no bridges');
      const Name = engine.name('net');
      const network = (await docker.createNetwork({ Name, Labels: { rode: Name } })) as Docker.Network;
      expect((await docker.listNetworks({ filters: { label: [`rode=${Name}`] } })).map((one) => one.Name)).toEqual([
        Name,
      ]);
      const container = await created({ HostConfig: { NetworkMode: Name } });
      await network.disconnect({ Container: container.id });
      await network.connect({ Container: container.id, EndpointConfig: { Aliases: ['other'] } });
      expect((await container.inspect()).NetworkSettings.Networks).toHaveProperty(Name);
      await container.remove();
      expect(await network.inspect()).toMatchObject({ Name, Driver: 'bridge', Containers: {} });
      await network.remove();
      await expect(network.inspect()).rejects.toMatchObject(refused(404, /not found/));
    });

    test('prunes of what nothing bears the label of free nothing', async () => {
      const filters = { label: [`none=${engine.name('none')}`] };
      expect(await docker.pruneContainers({ filters })).toMatchObject({ SpaceReclaimed: 0 });
      expect(await docker.pruneImages({ filters: { ...filters, dangling: ['true'] } })).toMatchObject({
        SpaceReclaimed: 0,
      });
      expect(await docker.pruneVolumes({ filters })).toMatchObject({ SpaceReclaimed: 0 });
      expect((await docker.pruneNetworks({ filters })).NetworksDeleted ?? []).toEqual([]);
      expect(await docker.pruneBuilder()).toHaveProperty('SpaceReclaimed');
    });

    test('events tell what became of a container, in order', async () => {
      const since = Math.floor(Date.now() / 1000) - 1;
      const container = await running({ Cmd: ['true'] });
      await container.wait();
      await container.remove();
      const filters = { container: [container.id] };
      const stream = await docker.getEvents({ since, until: Math.floor(Date.now() / 1000) + 1, filters });
      const events = (await text(stream))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { Action: string });
      const told = events
        .map(({ Action }) => Action)
        .filter((action) => ['create', 'start', 'die', 'destroy'].includes(action));
      expect(told).toEqual(['create', 'start', 'die', 'destroy']);
    });

    test('what belongs to a swarm is 503, and there are no plugins', async () => {
      const manager = refused(503, /not a swarm manager/);
      for (const ask of [
        () => docker.swarmInspect(),
        () => docker.listServices(),
        () => docker.listNodes(),
        () => docker.listTasks(),
        () => docker.listSecrets(),
        () => docker.listConfigs(),
      ])
        await expect(ask()).rejects.toMatchObject(manager);
      expect(await docker.listPlugins()).toEqual([]);
    });
  });
}

test('every route that dockerode has is called by this script, or belongs to what punnet is not', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const absent = ['Container', 'Image', 'Volume', 'Network', 'Exec'].flatMap((kind) => {
    const object = (new Docker() as unknown as Record<string, (id: string) => object>)[`get${kind}`]!('x');
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(object) as object);
    return methods.filter((method) => !source.includes(`.${method}(`) && !NOT_CALLED.has(method));
  });
  expect(absent).toEqual([]);
});

/** Checkpoints need CRIU; `copy` was removed from the API; freezing needs a cgroup, which control.test.ts asks for. */
const NOT_CALLED = new Set([
  'constructor',
  'listCheckpoint',
  'createCheckpoint',
  'deleteCheckpoint',
  'copy',
  'pause',
  'unpause',
]);
