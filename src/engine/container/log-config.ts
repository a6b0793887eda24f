// `--log-driver` and `--log-opt`: what they may be, and what the shim is told of them. Runs in the daemon.
// moby: daemon/logger/factory.go (ValidateLogOpts), jsonfilelog, local, loginfo.go (ExtraAttributes, ParseLogTag).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBytes } from '../../base/byte-size.ts';
import { internal, invalidArgument, messageOf, notImplemented } from '../../base/errors.ts';
import type { HostConfigBody } from '../../api/types.ts';
import type { Container } from './container.ts';
import { logPath } from './logs.ts';
import type { ShimOptions } from './shim.ts';

/** Options of each driver; `local` keeps no attributes. */
const OPTIONS: Record<string, string[]> = {
  'json-file': ['max-size', 'max-file', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'],
  local: ['max-size', 'max-file', 'compress'],
};
const ELSEWHERE = ['syslog', 'journald', 'gelf', 'fluentd', 'awslogs', 'splunk', 'etwlogs', 'gcplogs', 'logentries'];

/** What Docker checks at create. @throws invalidArgument with its texts; notImplemented for what punnet does not have */
export function verifyLogConfig({ Type: type = '', Config }: NonNullable<HostConfigBody['LogConfig']>): void {
  const driver = type || 'json-file';
  const config = Config ?? {};
  if (driver === 'none') return;
  if (ELSEWHERE.includes(driver)) {
    throw notImplemented(`log driver ${driver} is not supported: use json-file, local or none`);
  }
  const known = OPTIONS[driver];
  if (known === undefined) {
    const plugin = `plugin ${JSON.stringify(driver)} not found`;
    throw invalidArgument(`error looking up logging plugin ${driver}: ${plugin}`);
  }
  verifyMode(config);
  for (const name of Object.keys(config)) {
    if (known.includes(name) || name === 'mode' || name === 'max-buffer-size') continue;
    throw invalidArgument(`unknown log opt '${name}' for ${driver} log driver`);
  }
  // The shim has no compressor, and a log that was to be small must not be large in silence.
  if (driver === 'json-file' && isTrue(config.compress)) {
    throw notImplemented("log opt 'compress=true' is not supported for json-file: rotated files stay as they are");
  }
}

/** Blocking or not: the shim writes to a file, which is never full for long; there is nothing to buffer. */
function verifyMode(config: Record<string, string>): void {
  const { mode = '', 'max-buffer-size': buffer } = config;
  if (!['', 'blocking', 'non-blocking'].includes(mode)) {
    throw invalidArgument(`logger: logging mode not supported: ${mode}`);
  }
  if (buffer === undefined) return;
  if (mode !== 'non-blocking') {
    throw invalidArgument("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  try {
    parseBytes(buffer);
  } catch (error) {
    throw invalidArgument(`error parsing option max-buffer-size: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The log of a container's next run, its attributes in a file of the runtime directory; undefined when it keeps none.
 * @throws internal with Docker's text for a bad option
 */
export function prepareLog(container: Container, directory: string): ShimOptions['log'] {
  const { Type, Config } = container.record.hostConfig.LogConfig ?? {};
  if (Type === 'none') return undefined;
  try {
    const limits = Type === 'local' ? localLimits(Config ?? {}) : jsonFileLimits(Config ?? {});
    const attributes = logAttributes(container, Config ?? {});
    const some = Object.keys(attributes).length > 0;
    if (some) writeFileSync(join(directory, 'log-attributes'), JSON.stringify(attributes), { mode: 0o600 });
    return { path: logPath(container), ...limits, attributes: some };
  } catch (error) {
    throw internal(`failed to initialize logging driver: ${messageOf(error)}`, { cause: error });
  }
}

interface Limits {
  maxSize?: number;
  maxFile?: number;
}

/** Sizes of json-file are decimal: `10k` is 10,000 bytes; -1 and absent mean no limit. */
function jsonFileLimits(config: Record<string, string>): Limits {
  const size = config['max-size'];
  const maxSize = size === undefined || size === '-1' ? undefined : decimalBytes(size);
  const maxFile = fileCount(config);
  return { ...(maxSize !== undefined && { maxSize }), ...(maxFile !== undefined && { maxFile }) };
}

const LOCAL_SIZE = 20 * 1024 * 1024;
const LOCAL_FILES = 5;

function localLimits(config: Record<string, string>): Limits {
  const size = config['max-size'];
  return { maxSize: size === undefined ? LOCAL_SIZE : parseBytes(size), maxFile: fileCount(config) ?? LOCAL_FILES };
}

function fileCount(config: Record<string, string>): number | undefined {
  const text = config['max-file'];
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (Number(text) < 1) throw new Error('max-file cannot be less than 1');
  return Number(text);
}

function decimalBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?(?:[iI]?[bB])?$/.exec(text);
  if (match === null) throw new Error(`invalid size: '${text}'`);
  const power = ' kmgtp'.indexOf(match[2]?.toLowerCase() ?? ' ');
  return Math.trunc(Number(match[1]) * 1000 ** power);
}

/** Labels and variables that the options name, and the tag. Names are sorted, as Go writes a map. */
export function logAttributes(container: Container, config: Record<string, string>): Record<string, string> {
  const { Labels, Env } = container.record.config;
  const variables = Object.fromEntries((Env ?? []).filter((pair) => pair.includes('=')).map((pair) => split(pair)));
  const found = {
    ...chosen(Labels ?? {}, { names: config.labels, pattern: config['labels-regex'] }),
    ...chosen(variables, { names: config.env, pattern: config['env-regex'] }),
    ...(config.tag !== undefined && { tag: logTag(container, config.tag) }),
  };
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function chosen(
  values: Record<string, string>,
  wanted: { names: string | undefined; pattern: string | undefined },
): Record<string, string> {
  const names = wanted.names?.split(',') ?? [];
  const pattern = wanted.pattern === undefined ? undefined : new RegExp(wanted.pattern);
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name) || pattern?.test(name)));
}

function split(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** `{{.Name}}/{{.ID}}`: fields alone, without the functions of Go's templates. */
function logTag(container: Container, template: string): string {
  const { id, name, imageId, config } = container.record;
  const fields: Record<string, string> = {
    ID: id.slice(0, 12),
    FullID: id,
    Name: name,
    ImageID: imageId.replace('sha256:', '').slice(0, 12),
    ImageFullID: imageId,
    ImageName: config.Image ?? '',
    DaemonName: 'punnet',
  };
  return template.replace(/\{\{(.*?)\}\}/g, (_, inner: string) => {
    const value = fields[/^\s*\.(\w+)\s*$/.exec(inner)?.[1] ?? ''];
    if (value === undefined) throw new Error(`log tag {{${inner}}}: only ${Object.keys(fields).join(', ')} are known`);
    return value;
  });
}

const isTrue = (text: string | undefined) => ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text ?? '');
