// punnet info: what the daemon is and has. docker/cli: cli/command/system/info.go.

import manifest from '../../../package.json' with { type: 'json' };
import { Exit } from '../exit.ts';
import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { bytesSize } from '../format/size.ts';
import { compileTemplate, type Template } from '../format/template.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [objectFormat];

export const examples = ["punnet info -f '{{.CgroupVersion}}'"];

interface Info {
  [field: string]: unknown;
  DriverStatus?: [string, string][] | null;
  Plugins?: Record<string, string[] | null>;
  Runtimes?: Record<string, unknown>;
  SecurityOptions?: string[] | null;
  Labels?: string[] | null;
  RegistryConfig?: {
    InsecureRegistryCIDRs?: string[] | null;
    IndexConfigs?: Record<string, { Name: string; Secure: boolean }> | null;
    Mirrors?: string[] | null;
  };
  Swarm?: { LocalNodeState?: string };
  Warnings?: string[] | null;
  DefaultAddressPools?: { Base: string; Size: number }[] | null;
}

export const run: Run = async (context, { flags }) => {
  const format = flags.text('format');
  const template = format === '' ? undefined : readTemplate(format === 'json' ? '{{json .}}' : format);
  const client = { Debug: false, Version: manifest.version, Context: 'default', Plugins: [], Warnings: null };
  let info: Info;
  try {
    info = await context.client.call<Info>('GET', '/info');
  } catch (error) {
    if (!template) context.out.write(`${clientText(client)}\nServer:\n`);
    throw error;
  }
  if (template) {
    context.out.line(template.run({ ...info, ClientInfo: client }, { missingKey: 'error' }));
    return;
  }
  context.out.write(`${clientText(client)}\nServer:\n${serverText(info)}\n`);
  for (const warning of info.Warnings ?? []) context.err.line(warning);
};

function readTemplate(format: string): Template {
  try {
    return compileTemplate(format);
  } catch (error) {
    throw new Exit(64, `template parsing error: ${(error as Error).message}`);
  }
}

function clientText(client: { Version: string; Context: string; Debug: boolean }): string {
  return `Client:\n Version:    ${client.Version}\n Context:    ${client.Context}\n Debug Mode: ${client.Debug}\n`;
}

/** The lines of the server's section; an empty value has none. */
function serverText(info: Info): string {
  const lines: string[] = [];
  const line = (label: string, value: unknown) => lines.push(`${label} ${String(value ?? '')}`);
  const filled = (label: string, field: string) => {
    if (info[field] !== undefined && info[field] !== '') line(label, info[field]);
  };
  line(' Containers:', info.Containers);
  line('  Running:', info.ContainersRunning);
  line('  Paused:', info.ContainersPaused);
  line('  Stopped:', info.ContainersStopped);
  line(' Images:', info.Images);
  filled(' Server Version:', 'ServerVersion');
  filled(' Storage Driver:', 'Driver');
  for (const [name, value] of info.DriverStatus ?? []) lines.push(`  ${name}: ${value}`);
  filled(' Logging Driver:', 'LoggingDriver');
  filled(' Cgroup Driver:', 'CgroupDriver');
  filled(' Cgroup Version:', 'CgroupVersion');
  lines.push(' Plugins:');
  for (const kind of ['Volume', 'Network', 'Authorization', 'Log']) {
    const names = info.Plugins?.[kind] ?? [];
    if (kind !== 'Authorization' || names.length > 0) line(`  ${kind}:`, names.join(' '));
  }
  line(' Swarm:', info.Swarm?.LocalNodeState);
  const runtimes = Object.keys(info.Runtimes ?? {});
  if (runtimes.length > 0) {
    line(' Runtimes:', runtimes.join(' '));
    line(' Default Runtime:', info.DefaultRuntime);
  }
  line(' Init Binary:', info.InitBinary);
  for (const [label, field] of Object.entries({
    containerd: 'ContainerdCommit',
    runc: 'RuncCommit',
    init: 'InitCommit',
  })) {
    line(` ${label} version:`, (info[field] as { ID?: string } | undefined)?.ID);
  }
  lines.push(...securityLines(info.SecurityOptions ?? []));
  filled(' Kernel Version:', 'KernelVersion');
  filled(' Operating System:', 'OperatingSystem');
  filled(' OSType:', 'OSType');
  filled(' Architecture:', 'Architecture');
  line(' CPUs:', info.NCPU);
  line(' Total Memory:', bytesSize(Number(info.MemTotal ?? 0)));
  filled(' Name:', 'Name');
  filled(' ID:', 'ID');
  line(' Docker Root Dir:', info.DockerRootDir);
  line(' Debug Mode:', info.Debug);
  filled(' HTTP Proxy:', 'HttpProxy');
  filled(' HTTPS Proxy:', 'HttpsProxy');
  filled(' No Proxy:', 'NoProxy');
  if (info.Labels && info.Labels.length > 0) lines.push(' Labels:', ...info.Labels.map((label) => `  ${label}`));
  line(' Experimental:', info.ExperimentalBuild);
  lines.push(...registryLines(info.RegistryConfig ?? {}));
  line(' Live Restore Enabled:', info.LiveRestoreEnabled);
  filled(' Product License:', 'ProductLicense');
  const pools = info.DefaultAddressPools ?? [];
  if (pools.length > 0) lines.push(' Default Address Pools:');
  for (const { Base, Size } of pools) lines.push(`   Base: ${Base}, Size: ${Size}`);
  return `${lines.join('\n')}\n`;
}

function securityLines(options: string[]): string[] {
  if (options.length === 0) return [];
  const lines = [' Security Options:'];
  for (const option of options) {
    const parts = new Map(option.split(',').map((part) => part.split('=', 2) as [string, string]));
    lines.push(`  ${parts.get('name') ?? option}`);
    if (parts.has('profile')) lines.push(`   Profile: ${parts.get('profile')}`);
  }
  return lines;
}

function registryLines(config: NonNullable<Info['RegistryConfig']>): string[] {
  const insecure = Object.values(config.IndexConfigs ?? {}).filter(({ Secure }) => !Secure);
  const ranges = config.InsecureRegistryCIDRs ?? [];
  const lines: string[] = [];
  if (ranges.length > 0 || Object.keys(config.IndexConfigs ?? {}).length > 0) lines.push(' Insecure Registries:');
  lines.push(...insecure.map(({ Name }) => `  ${Name}`), ...ranges.map((range) => `  ${range}`));
  const mirrors = config.Mirrors ?? [];
  if (mirrors.length > 0) lines.push(' Registry Mirrors:', ...mirrors.map((mirror) => `  ${mirror}`));
  return lines;
}
