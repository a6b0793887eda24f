// The engine as a whole: opens the records of one data directory and gives the API its backend. Runs in the daemon, inside
// the namespaces, as uid 0 there.

import { join } from 'node:path';
import type { Backend } from '../api/backend.ts';
import { locations } from '../base/locations.ts';
import { ContentStore } from '../content/store.ts';
import { shimPath } from '../native/addon.ts';
import { sealProgram } from '../runtime/sealed-program.ts';
import { RegistryClient } from '../registry/client.ts';
import { readRegistryConfig } from '../registry/config.ts';
import { openCgroupTree } from '../runtime/cgroup-tree.ts';
import { Builder } from '../build/builder.ts';
import { readInStack } from '../snapshot/read-in-stack.ts';
import { RootThreads } from '../snapshot/root-threads.ts';
import { usageAt } from '../snapshot/usage.ts';
import { Snapshotter } from '../snapshot/snapshotter.ts';
import { Builds } from './build/builds.ts';
import { buildHost } from './build/host.ts';
import { Containers } from './container/backend.ts';
import { CONTAINER_INIT } from './container/init-entries.ts';
import { ContainerDirectories } from './container/directories.ts';
import { ContainerGroups } from './container/groups.ts';
import { HealthChecks } from './container/health.ts';
import { PlanLauncher } from './container/launcher.ts';
import { recover, resume } from './container/recover.ts';
import { publishContainerEvent, type Room } from './container/room.ts';
import { writeNetworkFiles } from './container/network-files.ts';
import { runtimeDirectory } from './container/runtime-directory.ts';
import { SpareShim } from './container/spare-shim.ts';
import { ContainerStore } from './container/store.ts';
import { EventBus } from './events.ts';
import { Execs } from './exec/backend.ts';
import { ExecPlanner } from './exec/planner.ts';
import { ExecStore } from './exec/store.ts';
import { Networks } from './network/backend.ts';
import { linkedContainers, linkLines } from './network/links.ts';
import { openNetworks } from './network/open.ts';
import { restore as restoreNetworks } from './network/sandbox.ts';
import { System } from './system.ts';
import { Images } from './image/images.ts';
import { VolumeStore } from './volume/store.ts';
import { Volumes } from './volume/volumes.ts';

export interface EngineOptions {
  /** data and runtime directory; this process holds the lock of the former */
  root: string;
  run: string;
  socket: string;
  /** directory of the bundles: unpack-worker.cjs, images/ */
  dist: string;
  version: string;
  /** who started the daemon, in ids of the host */
  outside: { uid: number; gid: number } | undefined;
}

export interface Engine {
  backend: Backend;
  /** How many containers have a living process. */
  running(): number;
  /** Stops looking after containers, which go on with their networks; everything that must be on disk is there afterwards. */
  close(): Promise<void>;
}

/** Reads the records, finds the containers that still run, settles what a crash left behind. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { root, run, version } = options;
  const log = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const events = new EventBus();
  const snapshotter = new Snapshotter(join(root, 'snapshot'));
  await snapshotter.sweep();
  const cgroups = openCgroupTree();
  if (cgroups.reason !== undefined) log(`cgroups: ${cgroups.reason}`);
  const shim = sealProgram(shimPath(), join(run, 'punnet-shim'));
  const store = new ContainerStore();
  const content = new ContentStore(join(root, 'content'));
  const images = new Images({
    directory: join(root, 'image'),
    content,
    layers: snapshotter,
    registry: new RegistryClient({ config: () => readRegistryConfig(locations().config) }),
    usersOf: (id) =>
      store
        .all()
        .filter((container) => container.record.imageId === id)
        .map((container) => ({ id: container.id, running: container.running })),
    publish: (action, { id, name, labels }) =>
      events.publish('image', action, { ID: id, Attributes: { ...labels, name } }),
  });
  const volumes = new Volumes({
    store: new VolumeStore(join(root, 'volume')),
    events,
    containers: () => store.all().map(({ id, record }) => ({ id, mounts: record.mounts })),
    discard: (path) => snapshotter.discard(path),
    sizeOf: (path) => usageAt(path).size,
  });
  const room: Room = {
    directory: join(root, 'container'),
    directories: new ContainerDirectories({
      root: join(root, 'container'),
      aside: join(root, 'spare'),
      discard: (path) => snapshotter.discard(path),
    }),
    volumes,
    commit: (container, options) => images.commit(container, options),
    runtimeDirectory: join(run, 'shim'),
    shims: new SpareShim(shim),
    store,
    images,
    snapshots: {
      prepare: (key, diffIDs) => snapshotter.prepare(key, diffIDs, { init: CONTAINER_INIT }),
      remove: async (key, diffIDs) => {
        await snapshotter.removeActive(key);
        await images.released(diffIDs);
      },
      discard: (path) => snapshotter.discard(path),
      mount: (key) => snapshotter.mounts(key)[0]!,
      changes: (key) => snapshotter.changes(key),
      layers: (key) => snapshotter.layers(snapshotter.layersOf(key)),
      readFile: (key, path, maxBytes) => {
        const stack = [snapshotter.upper(key), ...snapshotter.layers(snapshotter.layersOf(key))];
        return readInStack(stack, path, maxBytes);
      },
      usage: (key, diffIDs) => ({
        writable: snapshotter.usage(key).size,
        image: diffIDs.reduce((sum, diffID) => sum + snapshotter.size(diffID), 0),
      }),
    },
    networks: openNetworks({ root, run, env: process.env, containers: store, events, shimProgram: shim, log }),
    roots: new RootThreads(),
    launcher: new PlanLauncher({ roots: snapshotter, cgroups, init: shim, filters: join(root, 'seccomp') }),
    groups: new ContainerGroups(cgroups),
    health: new HealthChecks(),
    execs: new ExecStore(),
    execPlanner: new ExecPlanner({ filters: join(root, 'seccomp'), cgroups: cgroups.parent !== undefined }),
    events,
    problems: [],
    log,
    publish: (container, action, attributes) => publishContainerEvent(events, container, action, attributes),
  };
  room.health.serve(room);
  const { report } = await recover(room);
  await restoreNetworks(room.networks);
  room.networks.changed = (container) =>
    writeNetworkFiles(runtimeDirectory(room, container.id), container.record, {
      network: container.state.network,
      linked: linkLines(linkedContainers(room.store, container)),
    });
  report.forEach(log);
  for (const key of snapshotter.listActive()) {
    if (room.store.find(key) !== undefined) continue;
    log(`snapshot ${key}: belonged to no container, removed`);
    await snapshotter.removeActive(key);
  }
  // Before images free what no image has: the build cache keeps its layers.
  const builder = new Builder({
    host: buildHost({ room, images, snapshotter, content }),
    directory: join(root, 'build'),
    secretDirectory: join(run, 'secret'),
    log,
  });
  const told = await images.start({
    builtIn: [{ name: 'docker.io/library/busybox:latest', directory: join(options.dist, 'images/busybox') }],
  });
  told.forEach(log);
  resume(room);
  const system = new System({ room, version, root, images, volumes, layers: snapshotter });
  return {
    backend: {
      builds: new Builds(builder, join(root, 'build/work')),
      system,
      images,
      containers: new Containers(room),
      execs: new Execs(room),
      networks: new Networks(room.networks),
      volumes,
    },
    running: () => room.store.all().filter((container) => container.running).length,
    close: () => {
      // Processes that would keep the namespaces of nobody.
      if (!room.store.all().some((container) => container.running)) room.networks.end();
      return Promise.resolve();
    },
  };
}
