// `network create`: checks, chooses what the client left open, and writes the record; the bridge itself is made when the
// first container needs it. Runs in the daemon. moby: daemon/network.go (createNetwork)

import { randomBytes } from 'node:crypto';
import type { NetworkCreateBody } from '../../api/types.ts';
import { forbidden, invalidArgument, notFound, notImplemented, unavailable } from '../../base/errors.ts';
import { MACVLAN_MODES } from '../../network/rootless-network.ts';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { chooseSubnets, subnetsOf } from './ipam.ts';
import { newId } from './new-id.ts';
import { OPTION, PREDEFINED } from './predefined.ts';
import { writeNetwork, type NetworkRecord } from './record.ts';
import { bridgeName, hostRoutes, isFalse, type NetworkRoom } from './room.ts';

const NOT_MASQUERADED =
  `${OPTION.masquerade} is off: without root no packet leaves the host under a container's own address, ` +
  'so this network has no way outside';

/** @throws PunnetError with Docker's texts */
export async function create(room: NetworkRoom, body: NetworkCreateBody): Promise<{ Id: string; Warning: string }> {
  const name = (body.Name ?? '').trim();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw invalidArgument(
      name === ''
        ? 'invalid network name: name is empty'
        : `invalid network name: ${name}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  if (PREDEFINED.includes(name) || name === 'default') {
    throw forbidden(`operation is not permitted on predefined ${name} network`);
  }
  const driver = checkDriver(body);
  room.store.checkFree(name);
  const options = body.Options ?? {};
  if (driver === 'macvlan') await checkMacvlan(room, options);
  else checkOptions(room, options);
  const wishes = body.IPAM?.Config ?? [];
  if (body.EnableIPv4 === false) throw notImplemented('EnableIPv4=false (--ipv4=false) is not supported yet');
  const record: NetworkRecord = {
    id: newId(),
    name,
    created: rfc3339(nowNanoseconds()),
    driver,
    internal: body.Internal === true,
    attachable: body.Attachable === true,
    ipv6: body.EnableIPv6 === true,
    labels: body.Labels ?? {},
    options,
    ipamOptions: body.IPAM?.Options ?? {},
    ipam: chooseSubnets({
      wishes,
      ipv6: body.EnableIPv6 === true,
      networks: subnetsOf(room.store.all()),
      routes: hostRoutes(),
      random: randomBytes(5),
    }),
    userSubnet: wishes.some(({ Subnet }) => Boolean(Subnet)),
  };
  writeNetwork(room.directory, record);
  room.store.add(record);
  room.publish('create', record);
  const closed = driver === 'bridge' && !record.internal && isFalse(options[OPTION.masquerade]);
  return { Id: record.id, Warning: closed ? NOT_MASQUERADED : '' };
}

/** @throws what Docker says of drivers that it does not have, or not outside a swarm */
function checkDriver({ Driver, IPAM, ConfigFrom, ConfigOnly, Ingress }: NetworkCreateBody): 'bridge' | 'macvlan' {
  if (Ingress === true || Driver === 'overlay') {
    throw unavailable(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  if (ConfigOnly === true || ConfigFrom?.Network) {
    throw notImplemented('ConfigOnly and ConfigFrom (--config-only, --config-from) are not supported');
  }
  const ipam = IPAM?.Driver ?? '';
  if (!['', 'default'].includes(ipam)) throw notFound(`plugin ${JSON.stringify(ipam)} not found`);
  switch (Driver || 'bridge') {
    case 'bridge':
      return 'bridge';
    case 'macvlan':
      return 'macvlan';
    case 'host':
      throw forbidden('only one instance of "host" network is allowed');
    case 'null':
      throw forbidden('only one instance of "null" network is allowed');
    case 'ipvlan':
      throw notImplemented('the ipvlan driver is not supported: use macvlan');
    default:
      throw notFound(`plugin ${JSON.stringify(Driver)} not found`);
  }
}

const BOOLEANS = [OPTION.icc, OPTION.masquerade, OPTION.defaultBridge] as string[];
const KNOWN = [...BOOLEANS, OPTION.name, OPTION.mtu, OPTION.hostAddress, OPTION.prefix] as string[];

/** Options of other names are labels, as in Docker; those of Docker's bridge driver are honoured or refused. */
function checkOptions(room: NetworkRoom, options: Record<string, string>): void {
  for (const [key, value] of Object.entries(options)) {
    if (BOOLEANS.includes(key) && !/^(1|0|t|f|true|false)$/i.test(value)) {
      throw invalidArgument(
        `invalid value for ${key}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    }
    if (/^com\.docker\.network\.(bridge|driver|container_iface)/.test(key) && !KNOWN.includes(key)) {
      throw notImplemented(`network option ${key} is not supported yet`);
    }
  }
  const mtu = options[OPTION.mtu];
  if (mtu !== undefined && !(/^\d+$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65535)) {
    throw invalidArgument(`invalid value for ${OPTION.mtu}: ${mtu}: a number from 68 to 65535`);
  }
  const bridge = options[OPTION.name];
  if (bridge === undefined) return;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(bridge) || /^(lo|tap0|veth.*)$/.test(bridge)) {
    throw invalidArgument(`invalid name of a bridge: ${JSON.stringify(bridge)}`);
  }
  const other = room.store.all().find((record) => record.driver === 'bridge' && bridgeName(record) === bridge);
  if (other) {
    throw forbidden(
      `cannot create network (${bridge}): conflicts with network ${other.id} (${bridge}): networks have same bridge name`,
    );
  }
}

/** A macvlan lies on an interface of the rootless namespace, since devices of the host are root's. */
async function checkMacvlan(room: NetworkRoom, options: Record<string, string>): Promise<void> {
  const { parent = '', macvlan_mode: mode = 'bridge' } = options;
  if (!MACVLAN_MODES.includes(mode)) {
    throw invalidArgument(`requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`);
  }
  const links = (await room.network()).links().map(({ name }) => name);
  if (links.includes(parent)) return;
  throw invalidArgument(
    `macvlan parent ${JSON.stringify(parent)} is not an interface of the rootless network namespace (it has ${links.join(', ')}): ` +
      'devices of the host belong to root, and a container without root cannot be put on them; ' +
      'root can hand one in: ip link set DEVICE netns PID-OF-A-PROCESS-IN-IT',
    { fix: 'docs/networking.md, “macvlan”' },
  );
}
