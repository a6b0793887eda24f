// Routes of the files of a container: cp both ways, export, diff. Archives are streamed; an error before the first byte is an
// HTTP status, one after it breaks the connection off. Runs in the daemon.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from '../call.ts';
import type { FileStatBody } from '../types.ts';

export async function stat(call: Call): Promise<void> {
  const found = await call.backend.containers.statFile(call.param('id'), pathOf(call));
  call.response.setHeader(STAT, encoded(found));
  call.done(200);
}

export async function get(call: Call): Promise<void> {
  const { response, signal } = call;
  await call.backend.containers.archive(call.param('id'), pathOf(call), {
    signal,
    open: (found) => response.writeHead(200, { 'Content-Type': 'application/x-tar', [STAT]: encoded(found) }),
  });
}

export async function put(call: Call): Promise<void> {
  await call.backend.containers.extract(call.param('id'), pathOf(call), {
    noOverwriteDirNonDir: call.flag('noOverwriteDirNonDir'),
    copyUidGid: call.flag('copyUIDGID'),
    body: call.request,
    signal: call.signal,
  });
  call.done(200);
}

export async function exportRoot(call: Call): Promise<void> {
  const { response, signal } = call;
  await call.backend.containers.export(call.param('id'), {
    signal,
    open: () => response.writeHead(200, { 'Content-Type': 'application/octet-stream' }),
  });
}

export async function changes(call: Call): Promise<void> {
  call.reply(200, await call.backend.containers.diff(call.param('id')));
}

const STAT = 'X-Docker-Container-Path-Stat';

function encoded(found: FileStatBody): string {
  return Buffer.from(JSON.stringify(found)).toString('base64');
}

function pathOf(call: Call): string {
  const path = call.text('path');
  if (path === undefined) throw invalidArgument("bad parameter: 'path' cannot be empty");
  return path;
}
