// What the programs are rehearsed with (bin/rehearsal.cjs): `punnet run` before a daemon that answers and runs nothing,
// `punnet-runc run` with a container whose only file is a program that ends at once.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What becomes of the command does not matter here: the cache says how far it came. One that hangs gets half a minute. */
function rehearse(...words) {
  const child = spawn(process.execPath, ['bin/rehearsal.cjs', ...words], { stdio: 'ignore', timeout: 30_000 });
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
}

async function inDirectory(act) {
  const directory = mkdtempSync(join(tmpdir(), 'punnet-build-'));
  try {
    await act(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const rehearsePunnet = () =>
  inDirectory(async (directory) => {
    const daemon = stage();
    const socket = join(directory, 'sock');
    await new Promise((resolve, reject) => daemon.once('error', reject).listen(socket, resolve));
    await rehearse('punnet', '--host', `unix://${socket}`, 'run', '--rm', 'busybox', 'true');
    daemon.close();
    daemon.closeAllConnections();
  });

/** Each answer of the Engine API that `run` asks for. */
function stage() {
  const answer = { Id: 'f'.repeat(64), Warnings: [], StatusCode: 0 };
  return createServer((request, response) => {
    request.resume();
    const started = request.url.endsWith('/start');
    response.writeHead(started ? 204 : request.url.includes('/create') ? 201 : 200);
    response.end(started ? undefined : JSON.stringify(answer));
  }).on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n');
    socket.end(Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 10]));
  });
}

export const rehearseRunc = () =>
  inDirectory(async (directory) => {
    const bundle = join(directory, 'bundle');
    mkdirSync(join(bundle, 'rootfs'), { recursive: true });
    copyFileSync('build/Release/punnet-shim', join(bundle, 'rootfs/end'));
    const config = {
      ociVersion: '1.2.0',
      process: { args: ['/end'], cwd: '/', user: { uid: 0, gid: 0 } },
      root: { path: 'rootfs' },
      hostname: 'rehearsal',
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: {
        namespaces: ['pid', 'mount', 'uts', 'ipc', 'network', 'user'].map((type) => ({ type })),
        uidMappings: [{ containerID: 0, hostID: process.getuid(), size: 1 }],
        gidMappings: [{ containerID: 0, hostID: process.getgid(), size: 1 }],
      },
    };
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
    await rehearse('punnet-runc', '--root', join(directory, 'state'), 'run', '--bundle', bundle, 'rehearsal');
  });
