// The disk is full, the directory cannot be written, the registry dies, a file is corrupt: a clear error each, and the store
// is still consistent. Every fault is real.

import { createServer, connect, type Server } from 'node:net';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { imageOf } from '../support/image.ts';
import { need } from '../support/need.ts';
import { mustRun } from '../support/process.ts';
import { missingPunnet, punnetSpec, startPunnet, type Punnet } from '../support/punnet.ts';
import { Engine } from '../support/engine.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { makeOpenScratch } from '../support/until.ts';

const MEGABYTE = 1 << 20;

claims('faults', missingPunnet('user') ?? need('registry'), () => {
  let registry: Registry;
  /** bigger than the small disk below, incompressible */
  const big = imageOf([[{ name: 'etc/' }], [{ name: 'big', content: randomBytes(40 * MEGABYTE) }]]);
  const small = imageOf([[{ name: 'etc/' }, { name: 'etc/small', content: 'small\n' }]]);
  beforeAll(async () => {
    registry = await startRegistry();
    await registry.push(big, 'test/big', 'latest');
    await registry.push(small, 'test/small', 'latest');
  });
  afterAll(() => registry?.stop());

  const open = async (options: { root?: string } = {}): Promise<Punnet> => {
    const punnet = await startPunnet({ home: join(makeOpenScratch('fault'), 'home'), as: 'user', ...options });
    onTestFinished(() => punnet.stop());
    return punnet;
  };
  const sound = async (punnet: Punnet) => {
    const outcome = await punnet.engine.cli(['system', 'check']);
    expect({ code: outcome.code, said: outcome.stdout + outcome.stderr }).toEqual({
      code: 0,
      said: expect.stringMatching(/^checked /) as string,
    });
  };

  test('disk full during a pull: the error says so, what was there works, and after room is made it succeeds', async (context) => {
    const reason = need('root');
    if (reason) context.skip(reason);
    const disk = makeOpenScratch('disk');
    await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=600m,mode=755', 'none', disk]);
    onTestFinished(async () => void (await mustRun('umount', ['-l', disk])));
    const spec = punnetSpec({ home: disk, as: 'user' });
    chownSync(disk, spec.uid!, spec.gid!);
    const punnet = await open({ root: join(disk, 'data') });
    const { engine } = punnet;
    await engine.must(['pull', '-q', `${registry.host}/test/small`]);
    const filler = join(disk, 'filler');
    const { bavail, bsize } = statfsSync(disk);
    await mustRun('fallocate', ['-l', String(bavail * bsize - 20 * MEGABYTE), filler]);
    const outcome = await engine.cli(['pull', `${registry.host}/test/big`]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/ENOSPC|no space left/i);
    await sound(punnet);
    expect(await engine.must(['images', '-q', `${registry.host}/test/big`])).toBe('');
    expect((await engine.run([], ['echo', 'still works'])).stdout).toBe('still works\n');
    rmSync(filler);
    await engine.must(['pull', '-q', `${registry.host}/test/big`]);
    await sound(punnet);
  }, 120_000);

  test('a data directory that cannot be written is refused by name, before anything else', async () => {
    const home = join(makeOpenScratch('fault'), 'home');
    const spec = punnetSpec({ home, as: 'user' });
    const data = join(home, 'data');
    mkdirSync(data, { recursive: true });
    if (spec.uid !== undefined) chownSync(home, spec.uid, spec.gid!);
    // Not the user's own, so that no chmod of the program can help it; for a user's own test run, at least not writable.
    chmodSync(data, 0o555);
    const outcome = await new Engine(spec).cli(['run', '--rm', 'busybox', 'true']);
    chmodSync(data, 0o755);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain(data);
    expect(outcome.stderr).toMatch(/EACCES|EROFS|permission denied|not writ|read-only/i);
  });

  test('a registry that dies in the middle of a layer: an error that names it, nothing committed, and a later pull succeeds', async () => {
    const punnet = await open();
    const { engine } = punnet;
    const proxy = await cuttingProxy(registry.port, 10 * MEGABYTE);
    onTestFinished(proxy.close);
    const outcome = await engine.cli(['pull', `127.0.0.1:${proxy.port}/test/big`], { timeout: 110_000 });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/127\.0\.0\.1|ECONNREFUSED|ECONNRESET|connection (refused|reset)|EOF/);
    await sound(punnet);
    expect(await engine.must(['images', '-q', `127.0.0.1:${proxy.port}/test/big`])).toBe('');
    await engine.must(['pull', '-q', `${registry.host}/test/big`]);
    await sound(punnet);
  }, 150_000);

  test('a corrupt record of one container does not hide the others, and the check names its file', async () => {
    const punnet = await open();
    const { engine } = punnet;
    const [good, bad] = [
      await engine.must(['create', '--name', 'good', 'busybox', 'true']),
      await engine.must(['create', '--name', 'bad', 'busybox', 'true']),
    ];
    await punnet.killDaemon();
    await overwrite(punnet, join('container', bad, 'record.jsonl'), '{"Config": {"Im');
    const listed = await engine.must(['ps', '-a', '--no-trunc', '--format', '{{.ID}}']);
    expect(listed.split('\n')).toContain(good);
    const check = await engine.cli(['system', 'check']);
    expect(check.code).toBe(1);
    expect(check.stdout + check.stderr).toContain(bad);
    expect((await engine.run([], ['echo', 'still works'])).stdout).toBe('still works\n');
  });

  test('a byte of a blob that changed on disk is found by the check, with the digest found and the one expected', async () => {
    const punnet = await open();
    const { engine } = punnet;
    await engine.must(['pull', '-q', `${registry.host}/test/small`]);
    await sound(punnet);
    const hex = small.layers[0]!.digest.replace('sha256:', '');
    const bytes = Buffer.from(small.layers[0]!.bytes);
    bytes[bytes.length - 1]! ^= 1;
    const path = join('content/blobs/sha256', hex);
    await overwrite(punnet, path, bytes);
    const check = await engine.cli(['system', 'check']);
    expect(check.code).toBe(1);
    expect(check.stdout).toContain(hex);
    const { sha256 } = await import('../support/image.ts');
    expect(check.stdout).toContain(sha256(bytes).replace('sha256:', ''));
  });

  test('a file of names that is corrupt is an error that names it, and no image is lost', async () => {
    const punnet = await open();
    const { engine } = punnet;
    await engine.must(['pull', '-q', `${registry.host}/test/small`]);
    await punnet.killDaemon();
    const names = readdirSync(join(punnet.root, 'image')).filter((name) => name.endsWith('.json'));
    expect(names.length).toBeGreaterThan(0);
    await overwrite(punnet, join('image', names[0]!), 'not json');
    const outcomes = [await engine.cli(['images']), await engine.cli(['system', 'check'])];
    expect(outcomes.map(({ code, stdout, stderr }) => `${code} ${stdout}${stderr}`).join('\n')).toContain(names[0]);
  });
});

/** Writes into the data directory as its owner. */
async function overwrite(punnet: Punnet, path: string, content: string | Buffer): Promise<void> {
  const target = join(punnet.root, path);
  readFileSync(target);
  writeFileSync(target, content);
}

/** A TCP proxy on loopback that cuts every connection after `bytes` in all, and then refuses new ones. */
function cuttingProxy(port: number, bytes: number): Promise<{ port: number; close(): Promise<void> }> {
  let left = bytes;
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) client.write(chunk);
      else {
        server.close();
        client.destroy();
        upstream.destroy();
      }
    });
    client.on('data', (chunk: Buffer) => upstream.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({
        port: (server.address() as { port: number }).port,
        close: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
}
