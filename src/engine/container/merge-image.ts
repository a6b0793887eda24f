// What a container takes from its image where the client said nothing. Pure. Runs in the daemon.
// moby: daemon/commit.go, merge; daemon/create.go, mergeAndVerifyConfig.

import type { ContainerConfigBody, HealthcheckBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { ImageProcessConfig } from '../../base/oci-image.ts';

/** @throws invalidArgument "no command specified" */
export function mergeImage(config: ContainerConfigBody, image: ImageProcessConfig): ContainerConfigBody {
  const merged: ContainerConfigBody = { ...config };
  merged.User = config.User || image.User || '';
  merged.ExposedPorts = withDefaults(image.ExposedPorts, config.ExposedPorts);
  merged.Env = mergeEnvironment(config.Env ?? [], image.Env ?? []);
  merged.Labels = withDefaults(image.Labels, config.Labels) ?? {};
  merged.Volumes = withDefaults(image.Volumes, config.Volumes) ?? null;
  merged.WorkingDir = config.WorkingDir || image.WorkingDir || '';
  if (config.StopSignal || image.StopSignal) merged.StopSignal = config.StopSignal || image.StopSignal;
  if (image.Shell !== undefined && (config.Shell ?? []).length === 0) merged.Shell = image.Shell;
  merged.OnBuild = image.OnBuild ?? null;
  if (image.Healthcheck !== undefined || config.Healthcheck) {
    merged.Healthcheck = {
      ...(image.Healthcheck as HealthcheckBody | undefined),
      ...nonZero(config.Healthcheck ?? {}),
    };
  }
  const entrypoint = listOf(config.Entrypoint);
  const command = listOf(config.Cmd);
  // An entrypoint from the client resets the image's command; an empty list keeps the command and drops the entrypoint.
  if (entrypoint === undefined || entrypoint.length === 0) {
    merged.Cmd = command === undefined || command.length === 0 ? (image.Cmd ?? null) : command;
    merged.Entrypoint = entrypoint === undefined ? (image.Entrypoint ?? null) : entrypoint;
  } else {
    merged.Entrypoint = entrypoint.length === 1 && entrypoint[0] === '' ? null : entrypoint;
    merged.Cmd = command ?? null;
  }
  if (commandLine(merged).length === 0) throw invalidArgument('no command specified');
  return merged;
}

/** Entrypoint and command in one: what execve gets. */
export function commandLine(config: ContainerConfigBody): string[] {
  return [...(listOf(config.Entrypoint) ?? []), ...(listOf(config.Cmd) ?? [])];
}

/** Older clients send one string for a list of one. */
function listOf(value: string[] | string | null | undefined): string[] | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? [value] : value;
}

/** The client's variables first, then the image's that it did not name. A bare `NAME` names it too. */
function mergeEnvironment(own: string[], ofImage: string[]): string[] {
  const named = new Set(own.map(nameOf));
  return [...own, ...ofImage.filter((variable) => !named.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
  return variable.split('=', 1)[0]!;
}

function withDefaults<T>(
  ofImage: Record<string, T> | null | undefined,
  own: Record<string, T> | null | undefined,
): Record<string, T> | undefined {
  if (!ofImage && !own) return undefined;
  return { ...ofImage, ...own };
}

function nonZero(check: HealthcheckBody): HealthcheckBody {
  return Object.fromEntries(
    Object.entries(check).filter(([, value]) => value !== 0 && !(Array.isArray(value) && value.length === 0)),
  );
}
