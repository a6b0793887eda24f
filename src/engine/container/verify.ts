// Checks of a create request that need neither image nor disk, with Docker's texts; limits that this host cannot apply are
// taken out and warned of. Runs in the daemon. moby: daemon/container.go, daemon/daemon_unix.go (verify…), runconfig.

import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import type { ContainerConfigBody, HealthcheckBody, HostConfigBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import { normalizeCapability } from '../../runtime/capabilities.ts';
import { parseSignal } from '../../base/signal.ts';
import { specRlimits } from './spec-resources.ts';
import { securityOptions } from './spec-security.ts';
import { verifyResources } from './verify-resources.ts';
import type { CgroupLimits } from '../../runtime/cgroup.ts';

/** Returns warnings. Changes `host` where a limit cannot be applied. @throws invalidArgument */
export function verify(config: ContainerConfigBody, host: HostConfigBody, limits: CgroupLimits): string[] {
  verifyModes(config, host);
  verifyConfig(config);
  verifyHost(host);
  if ((config.Hostname ?? '').length > 64) {
    throw invalidArgument(`hostname ${JSON.stringify(config.Hostname)} is too long (maximum 64 bytes)`);
  }
  const warnings = verifyResources(host, { limits, cpus: availableParallelism() });
  if (!['', 'none', 'host', 'private', 'shareable'].includes(host.IpcMode ?? '') && !isContainer(host.IpcMode)) {
    throw invalidArgument(`invalid IPC mode: ${host.IpcMode}`);
  }
  if (!['', 'host'].includes(host.PidMode ?? '') && !isContainer(host.PidMode)) {
    throw invalidArgument(`invalid PID mode: ${host.PidMode}`);
  }
  if ((host.ShmSize ?? 0) < 0) throw invalidArgument('SHM size can not be less than 0');
  if (!['', 'host'].includes(host.UTSMode ?? '')) throw invalidArgument(`invalid UTS mode: ${host.UTSMode}`);
  if (!['', 'host'].includes(host.UsernsMode ?? '')) throw invalidArgument(`invalid USER mode: ${host.UsernsMode}`);
  const score = host.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) {
    throw invalidArgument(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
  if (!['', 'runc', 'punnet', 'io.containerd.runc.v2'].includes(host.Runtime ?? '')) {
    throw invalidArgument(`unknown or invalid runtime name: ${host.Runtime}`);
  }
  verifyCapabilities(host);
  // These are read again at the start; what is wrong with them is said now.
  securityOptions(host.SecurityOpt);
  specRlimits(host.Ulimits);
  for (const target of Object.keys(host.Tmpfs ?? {})) {
    if (!target.startsWith('/')) throw invalidArgument(`invalid mount path: '${target}' mount path must be absolute`);
    if (posix.normalize(target) === '/') throw invalidArgument("invalid specification: destination can't be '/'");
  }
  if (!['', 'host', 'private'].includes(host.CgroupnsMode ?? '')) {
    throw invalidArgument(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  }
  return warnings;
}

function verifyModes(config: ContainerConfigBody, host: HostConfigBody): void {
  if (host.UTSMode === 'host' && (config.Hostname ?? '') !== '') {
    throw invalidArgument('conflicting options: hostname and the UTS mode');
  }
  if (!['', 'default'].includes(host.Isolation ?? '')) {
    throw invalidArgument(`invalid isolation (${host.Isolation}): linux only supports 'default'`);
  }
  if ((host.CpuRealtimePeriod ?? 0) !== 0 || (host.CpuRealtimeRuntime ?? 0) !== 0) {
    throw invalidArgument('kernel does not support CPU real-time scheduler');
  }
  if ((host.CpuShares ?? 0) < 0) {
    throw invalidArgument(`invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
}

function verifyConfig(config: ContainerConfigBody): void {
  if ((config.WorkingDir ?? '') !== '') {
    if (!config.WorkingDir!.startsWith('/')) {
      throw invalidArgument(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
    }
    config.WorkingDir = posix.normalize(config.WorkingDir!).replace(/(.)\/$/, '$1');
  }
  if ((config.StopSignal ?? '') !== '') parseSignal(config.StopSignal!);
  for (const variable of config.Env ?? []) {
    if (variable === '' || variable.startsWith('=')) {
      throw invalidArgument(`invalid environment variable: ${variable}`);
    }
  }
  verifyHealthcheck(config.Healthcheck);
}

function verifyHealthcheck(check: HealthcheckBody | null | undefined): void {
  if (!check) return;
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = check[name] ?? 0;
    if (value !== 0 && value < 1_000_000) throw invalidArgument(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.Retries ?? 0) < 0) throw invalidArgument('Retries in Healthcheck cannot be negative');
}

function verifyHost(host: HostConfigBody): void {
  const policy = host.RestartPolicy?.Name ?? '';
  if (host.AutoRemove === true && !['', 'no'].includes(policy)) {
    throw invalidArgument("can't create 'AutoRemove' container with restart policy");
  }
  for (const extra of host.ExtraHosts ?? []) {
    if (!/^[^:=]+[:=].+$/.test(extra)) throw invalidArgument(`bad format for add-host: ${JSON.stringify(extra)}`);
    const address = extra.slice(extra.search(/[:=]/) + 1);
    if (address !== 'host-gateway' && !/^\[?[0-9a-fA-F.:%]+\]?$/.test(address)) {
      throw invalidArgument(`invalid IP address in add-host: ${JSON.stringify(address)}`);
    }
  }
  verifyRestartPolicy(policy, host.RestartPolicy?.MaximumRetryCount ?? 0);
  for (const key of Object.keys(host.Annotations ?? {})) {
    if (key === '') {
      throw invalidArgument('invalid Annotations: the empty string is not permitted as an annotation key');
    }
  }
}

function verifyCapabilities(host: HostConfigBody): void {
  for (const field of ['CapAdd', 'CapDrop'] as const) {
    for (const name of host[field] ?? []) {
      try {
        normalizeCapability(name);
      } catch (error) {
        const full = `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`;
        throw invalidArgument(`invalid ${field}: unknown capability: ${JSON.stringify(full)}`, { cause: error });
      }
    }
  }
}

/** @throws invalidArgument with Docker's texts */
export function verifyRestartPolicy(name: string, retries: number): void {
  if (!['', 'no', 'always', 'unless-stopped', 'on-failure'].includes(name)) {
    throw invalidArgument(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (name !== 'on-failure' && retries !== 0) {
    const hint = retries < 0 ? ' and cannot be negative' : '';
    throw invalidArgument(`invalid restart policy: maximum retry count can only be used with 'on-failure'${hint}`);
  }
  if (retries < 0) throw invalidArgument('invalid restart policy: maximum retry count cannot be negative');
}

function isContainer(mode: string | undefined): boolean {
  return mode?.startsWith('container:') === true;
}
