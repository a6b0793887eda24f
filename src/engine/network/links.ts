// `--link db:store`. In a user-defined network it is a name that its container alone sees, known to its name server; on the
// default bridge, which has no names, it is lines of /etc/hosts and variables of the environment.
// Runs in the daemon. moby: daemon/links.go, daemon/links/links.go, cli/opts/parse.go (ParseLink)

import { conflict, invalidArgument } from '../../base/errors.ts';
import type { HostConfigBody } from '../../api/types.ts';
import type { Container } from '../container/container.ts';
import type { ContainerStore } from '../container/store.ts';
import type { EndpointWish } from './record.ts';

/** The network whose links are lines and variables. */
const DEFAULT = 'bridge';

export interface Link {
  /** of the container that is linked to */
  name: string;
  alias: string;
}

/** `db`, `db:store` or, as Docker shows it, `/db:/web/store`. @throws invalidArgument with Docker's texts */
export function parseLink(text: string): Link {
  if (text === '') throw invalidArgument('empty string specified for links');
  const parts = text.split(':');
  if (parts.length > 2) throw invalidArgument(`bad format for links: ${text}`);
  const name = parts[0]!.replace(/^\//, '');
  const alias = (parts[1] ?? name).split('/').at(-1)!;
  return { name, alias: alias === '' ? name : alias };
}

/** Whether a container of this mode is told of its links by a file and by variables. */
const byFile = ({ NetworkMode = '' }: HostConfigBody) => ['', 'default', DEFAULT].includes(NetworkMode);

/** What a new container is linked to must be there, and have an address. @throws invalidArgument with Docker's texts */
export function checkLinks(containers: ContainerStore, host: HostConfigBody): void {
  const links = (host.Links ?? []).map(parseLink);
  if (!byFile(host)) return;
  for (const { name } of links) {
    const target = containers.find(name);
    if (!target) throw invalidArgument(`could not get container for ${name}: No such container: ${name}`);
    if (target.record.hostConfig.NetworkMode === 'host') {
      throw invalidArgument(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
  }
}

/** A running container on the default bridge that another one is linked to. */
export interface Linked {
  alias: string;
  address: string;
  target: Container;
}

/** The links of a container on the default bridge, as far as they lead to running containers. */
export function linkedContainers(containers: ContainerStore, { record }: Container): Linked[] {
  if (!byFile(record.hostConfig)) return [];
  return (record.hostConfig.Links ?? []).map(parseLink).flatMap(({ name, alias }) => {
    const target = containers.find(name);
    const address = target?.running && target.state.network?.endpoints[DEFAULT]?.ipv4.split('/')[0];
    return target && address ? [{ alias, address, target }] : [];
  });
}

/** @throws conflict with Docker's text for a link to a container that does not run */
export function checkLinkedRun(containers: ContainerStore, { record }: Container): void {
  if (!byFile(record.hostConfig)) return;
  for (const { name, alias } of (record.hostConfig.Links ?? []).map(parseLink)) {
    if (containers.find(name)?.running) continue;
    throw conflict(`Cannot link to a non running container: /${name} AS /${record.name}/${alias}`);
  }
}

/** Lines of /etc/hosts: address, and all names of the container. */
export function linkLines(linked: Linked[]): string[] {
  return linked.map(({ alias, address, target }) => {
    const names = [alias, target.record.config.Hostname ?? '', target.name];
    return `${address}\t${[...new Set(names.filter(Boolean))].join(' ')}`;
  });
}

/** Variables that say where the ports of linked containers are, and what their environment holds. */
export function linkEnvironment(linked: Linked[], parent: string): string[] {
  return linked.flatMap(({ alias, address, target }) => {
    const prefix = alias.toUpperCase().replaceAll('-', '_');
    const ports = Object.keys(target.record.config.ExposedPorts ?? {})
      .map((text) => ({ number: Number(text.split('/')[0]), protocol: text.split('/')[1] ?? 'tcp' }))
      .sort((a, b) => a.number - b.number);
    const [first] = ports;
    const url = ({ number, protocol }: (typeof ports)[number]) => `${protocol}://${address}:${number}`;
    return [
      ...(first ? [`${prefix}_PORT=${url(first)}`] : []),
      ...ports.flatMap((port) => {
        const name = `${prefix}_PORT_${port.number}_${port.protocol.toUpperCase()}`;
        const { number, protocol } = port;
        return [
          `${name}=${url(port)}`,
          `${name}_ADDR=${address}`,
          `${name}_PORT=${number}`,
          `${name}_PROTO=${protocol}`,
        ];
      }),
      `${prefix}_NAME=/${parent}/${alias}`,
      ...(target.record.config.Env ?? [])
        .filter((entry) => entry.includes('=') && !/^(HOME|PATH)=/.test(entry))
        .map((entry) => `${prefix}_ENV_${entry}`),
    ];
  });
}

/** What the name server of a container calls `name` by: its target, where it is the alias of a link. */
export function linkTarget(wish: EndpointWish | null | undefined, name: string): string {
  const link = (wish?.Links ?? []).map(parseLink).find(({ alias }) => alias.toLowerCase() === name);
  return link?.name.toLowerCase() ?? name;
}
