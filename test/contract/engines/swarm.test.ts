// A Docker Swarm of two nodes whose tasks run on punnet-runc: real dockerds, each a machine of its own as far as processes,
// mounts and networks go, with a cable between them. So a node can be switched off: SIGKILL for its first process.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBundle, unmet, type Bundle } from '../../runtime/bundle.ts';
import { claims } from '../../support/claims.ts';
import { need, PROJECT } from '../../support/need.ts';
import { background, mustRun, run, which, type Background } from '../../support/process.ts';
import { makeScratch, until } from '../../support/until.ts';

/* The processes of a machine, its mounts and its network end with its first process. */
const NAMESPACES = ['--mount', '--propagation', 'slave', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];

/* An overlay network is a VXLAN. */
function noVxlan(): string | undefined {
  const vxlan = ['link', 'add', 'probe', 'type', 'vxlan', 'id', '1', 'dstport', '4789'];
  return spawnSync('unshare', ['--net', 'ip', ...vxlan]).status === 0 ? undefined : 'the kernel has no VXLAN';
}

const missing =
  (process.env.PUNNET_SWARM ? undefined : 'takes most of a minute: npm run swarm') ??
  unmet('root') ??
  need('built', 'docker', 'docker-cli') ??
  (which('ip') ? noVxlan() : 'ip is not installed (apt-get install iproute2)');

/** Where the kernel keeps the cgroups of both nodes, which nobody else removes when a node is switched off. */
const CGROUPS = `/pt-swarm-${process.pid}`;

interface Node {
  machine: Background;
  docker(...args: string[]): Promise<string>;
}

function startNode(home: string, address: string): Node {
  mkdirSync(home);
  const socket = join(home, 'sock');
  const dockerd = [
    ...[which('dockerd')!, '--data-root', join(home, 'data'), '--exec-root', join(home, 'exec')],
    ...['-p', join(home, 'pid'), '-H', `unix://${socket}`, '--bridge', 'none', '--cgroup-parent', CGROUPS],
    ...[`--add-runtime=punnet=${PROJECT}/bin/punnet-runc`, '--default-runtime', 'punnet'],
  ];
  // As a machine does: the cable first, then the service.
  const boot = `until ip -4 address show up | grep -q ${address}/; do sleep 0.05; done; exec ${dockerd.join(' ')}`;
  const machine = background('unshare', [...NAMESPACES, 'sh', '-c', boot]);
  return {
    machine,
    docker: async (...args) => (await mustRun('docker', ['-H', `unix://${socket}`, ...args])).stdout.trim(),
  };
}

async function connect(nodes: Record<string, Node>): Promise<void> {
  const pids = Object.values(nodes).map(({ machine }) => String(machine.child.pid));
  const inside = (pid: string, command: string) => run('nsenter', ['--net', '--target', pid, 'sh', '-c', command]);
  const host = execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
  for (const pid of pids) {
    await until('a node has its network', async () => (await run('readlink', [`/proc/${pid}/ns/net`])).stdout !== host);
  }
  const [first = '', second = ''] = pids;
  const cable = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', second];
  await mustRun('ip', ['link', 'add', 'eth0', 'netns', first, ...cable]);
  for (const [index, address] of Object.keys(nodes).entries()) {
    const commands = ['ip link set lo up', `ip address add ${address}/24 dev eth0`, 'ip link set eth0 up'];
    // docker makes ingress rules of what is forwarded.
    commands.unshift('sysctl -qw net.ipv4.ip_forward=1');
    expect(await inside(pids[index]!, commands.join(' && '))).toMatchObject({ code: 0 });
  }
}

claims('a Docker Swarm of two nodes on punnet-runc', missing, () => {
  const home = makeScratch('swarm');
  const [FIRST, SECOND] = ['10.77.0.1', '10.77.0.2'] as const;
  let bundle: Bundle | undefined;
  let nodes: Record<typeof FIRST | typeof SECOND, Node> | undefined;
  const first = (...args: string[]) => nodes![FIRST].docker(...args);
  const second = (...args: string[]) => nodes![SECOND].docker(...args);
  const containers = async (node: Node) => (await node.docker('ps', '--quiet')).split('\n').filter(Boolean);

  beforeAll(async () => {
    bundle = makeBundle('root');
    nodes = { [FIRST]: startNode(join(home, '1'), FIRST), [SECOND]: startNode(join(home, '2'), SECOND) };
    await connect(nodes);
    const tar = join(home, 'box.tar');
    execFileSync('tar', ['-C', bundle.rootfs, '--owner=0', '--group=0', '-cf', tar, '.']);
    for (const { docker, machine } of Object.values(nodes)) {
      await until('dockerd answers', async () => {
        if (machine.child.exitCode !== null) throw new Error(`dockerd ended: ${machine.output()}`);
        return (await docker('version')) !== '';
      });
      await docker('import', tar, 'box');
    }
    // How soon a node is missed: three heartbeats.
    await first('swarm', 'init', '--advertise-addr', FIRST, '--dispatcher-heartbeat', '3s');
    await second('swarm', 'join', '--token', await first('swarm', 'join-token', '--quiet', 'worker'), `${FIRST}:2377`);
    await first('network', 'create', '--driver', 'overlay', '--attachable', 'between');
    // dnsrr: a virtual address takes IPVS, which not every kernel has.
    const flags = ['--detach', '--no-resolve-image', '--network', 'between', '--endpoint-mode', 'dnsrr'];
    await first('service', 'create', ...flags, '--name', 'web', '--replicas', '2', 'box', 'sleep', '1000');
  }, 120_000);

  afterAll(async () => {
    for (const { machine } of Object.values(nodes ?? {})) await machine.stop();
    for (const hierarchy of ['', ...readdirSync('/sys/fs/cgroup')]) {
      // What was killed is dying for a moment.
      await until('its cgroups are free', () => removeCgroups(join('/sys/fs/cgroup', hierarchy, CGROUPS)));
    }
    rmSync(home, { recursive: true, force: true });
    bundle?.remove();
  });

  test('each node runs one of two tasks, on punnet-runc', async () => {
    for (const node of Object.values(nodes!)) {
      const [id = ''] = await until('a task runs', async () => {
        const ids = await containers(node);
        return ids.length === 1 ? ids : undefined;
      });
      expect(await node.docker('inspect', '--format', '{{.HostConfig.Runtime}}', id)).toBe('punnet');
    }
  });

  test('a task reaches the one on the other node by the name that its service has there', async () => {
    const [[here = ''], [there = '']] = [await containers(nodes![FIRST]), await containers(nodes![SECOND])];
    const format = '{{(index .NetworkSettings.Networks "between").IPAddress}}';
    const address = await second('inspect', '--format', format, there);
    await until('the name resolves', async () => {
      return (await first('exec', here, 'nslookup', 'tasks.web')).includes(`Address: ${address}\n`);
    });
    await second('exec', '--detach', there, 'nc', '-l', '-p', '4000', '-e', 'echo', 'over the wire');
    await until('the other task answers', async () => {
      return (await first('exec', here, 'sh', '-c', `nc -w 2 ${address} 4000 </dev/null || true`)) === 'over the wire';
    });
  });

  test('a node that is switched off is missed, and its task runs on the other', async () => {
    nodes![SECOND].machine.child.kill('SIGKILL');
    await until('both tasks run here', async () => (await containers(nodes![FIRST])).length === 2, 50);
    expect(await first('node', 'ls', '--format', '{{.Status}}')).toMatch(/^(Down\nReady|Ready\nDown)$/);
  }, 60_000);
});

/* True when they are gone. */
function removeCgroups(directory: string): boolean {
  if (!existsSync(directory)) return true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroups(join(directory, entry.name));
  }
  rmdirSync(directory);
  return true;
}
