// /etc/hostname, /etc/hosts and /etc/resolv.conf of a container: written into its directory and bound over the image's.
// Runs in the daemon. hosts(5), resolv.conf(5). moby: daemon/container_operations_unix.go, libnetwork/resolvconf.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { ADDRESS } from '../../network/dns-server.ts';
import { hostAddress } from '../network/host-address.ts';
import { hasNames } from '../network/names.ts';
import type { NetworkState } from '../network/record.ts';
import type { ContainerRecord } from './record.ts';

/**
 * Writes the three files; at every start, since the host's resolver may have changed.
 * `linked`: lines of /etc/hosts for --link
 */
export function writeNetworkFiles(
  directory: string,
  record: ContainerRecord,
  { network, linked }: { network: NetworkState | undefined; linked: string[] },
): void {
  const host = record.hostConfig.NetworkMode === 'host';
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o644 });
  put('hostname', `${record.config.Hostname ?? ''}\n`);
  const addresses = Object.values(network?.endpoints ?? {}).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter(Boolean));
  put(
    'hosts',
    hostsFile(record, {
      ofHost: host ? readHost('/etc/hosts') : undefined,
      addresses,
      linked,
      gateway: () => hostAddress(network),
    }),
  );
  const ofHost = readHost('/etc/resolv.conf') ?? '';
  put('resolv.conf', hasNames(network) ? resolvFileOfNames(record, ofHost) : resolvFile(record, ofHost, host));
}

/**
 * Docker's seven lines, or the host's own file for `--network host`; then `--add-host`, and the container's own addresses.
 * `gateway`: what `host-gateway` stands for.
 */
export function hostsFile(
  record: ContainerRecord,
  options: { ofHost?: string; addresses: string[]; linked?: string[]; gateway: () => string },
): string {
  const { ofHost, addresses, linked = [], gateway } = options;
  const lines = ofHost?.replace(/\n$/, '').split('\n') ?? [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff00::0\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
  ];
  for (const extra of record.hostConfig.ExtraHosts ?? []) {
    const mark = extra.search(/[:=]/);
    const given = extra.slice(mark + 1).replace(/^\[(.*)\]$/, '$1');
    const address = given === 'host-gateway' ? gateway() : given;
    lines.push(`${address}\t${extra.slice(0, mark)}`);
  }
  lines.push(...linked);
  const { Hostname = '', Domainname = '' } = record.config;
  const names = Domainname === '' ? Hostname : `${Hostname}.${Domainname} ${Hostname}`;
  for (const address of addresses) lines.push(`${address.split('/')[0]}\t${names}`);
  return `${lines.join('\n')}\n`;
}

/** For a container with a name server of its own, which asks the servers of --dns or the host itself. */
export function resolvFileOfNames(record: ContainerRecord, ofHost: string): string {
  const lines = resolvFile(record, ofHost, true)
    .split('\n')
    .filter((line) => line !== '' && !/^\s*(nameserver|options)\s/.test(line));
  const { DnsOptions } = record.hostConfig;
  const options = DnsOptions?.length ? DnsOptions : (/^\s*options\s+(.*)$/m.exec(ofHost)?.[1]?.split(/\s+/) ?? []);
  // A name without a dot is a container's more often than one of the search domains.
  const all = options.some((option) => option.startsWith('ndots:')) ? options : [...options, 'ndots:0'];
  return [`nameserver ${ADDRESS}`, ...lines, `options ${all.join(' ')}`, ''].join('\n');
}

/** The host's file, with what --dns, --dns-search and --dns-option replace; loopback resolvers only where they can be reached. */
export function resolvFile(record: ContainerRecord, ofHost: string, sharesHostNetwork: boolean): string {
  const { Dns = [], DnsSearch = [], DnsOptions = [] } = record.hostConfig;
  const lines = ofHost.split('\n').filter((line) => line.trim() !== '' && !/^\s*[#;]/.test(line));
  const of = (keyword: RegExp) => lines.filter((line) => keyword.test(line));
  const servers = of(/^\s*nameserver\s/).filter(
    (line) => sharesHostNetwork || !/^\s*nameserver\s+(127\.|::1\b)/.test(line),
  );
  const searched = DnsSearch ?? [];
  return [
    ...(Dns?.length ? Dns.map((server) => `nameserver ${server}`) : servers),
    ...(searched.length > 0
      ? searched[0] === '.'
        ? []
        : [`search ${searched.join(' ')}`]
      : of(/^\s*(search|domain)\s/)),
    ...(DnsOptions?.length ? [`options ${DnsOptions.join(' ')}`] : of(/^\s*options\s/)),
    '',
  ].join('\n');
}

function readHost(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
