// One blob from the content store into a repository: found there, mounted from another repository, or sent; a failed try is
// made anew with back-off. Runs in the daemon. distribution-spec "Pushing blobs", "Mounting a blob from another repository".

import { createReadStream } from 'node:fs';
import type { Descriptor } from '../base/oci-image.ts';
import { RegistryFailure } from './failure.ts';
import type { Session } from './session.ts';
import { backOff, type Transfer } from './transfer.ts';
import { readBody, type Answer } from './transport.ts';

/** Docker's number of tries for a blob. */
const TRIES = 5;
/** Bytes of an answer whose body tells nothing. */
const ANSWER_LIMIT = 64 * 1024;

/** Whether the repository has the blob. @throws RegistryFailure */
export async function hasBlob(session: Session, { digest }: Descriptor, signal: AbortSignal): Promise<boolean> {
  const answer = await session.request('HEAD', session.url(`blobs/${digest}`), { signal, expect: [200, 404] });
  await finish(answer);
  return answer.status === 200;
}

/** Asks the registry to take the blob from another of its repositories. A no is an upload that was begun: it is given up. */
export async function mountBlob(
  session: Session,
  { digest }: Descriptor,
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<boolean> {
  const url = session.url('blobs/uploads/');
  url.searchParams.set('mount', digest);
  url.searchParams.set('from', from);
  const answer = await session.request('POST', url, { signal, expect: [201, 202, 404] });
  await finish(answer);
  if (answer.status === 202) {
    const begun = locationOf(answer);
    // It would else lie there until the registry sweeps; not every registry can end it.
    await session
      .request('DELETE', begun, { signal, expect: [204] })
      .then(finish)
      .catch(() => signal.throwIfAborted());
  }
  return answer.status === 201;
}

/** Sends the blob. @throws RegistryFailure when the registry will not have it */
export async function uploadBlob(options: Transfer): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await send(options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof RegistryFailure) || !error.retry || tries >= TRIES) throw error;
      await backOff(options, { error, failures: tries });
    }
  }
}

/** POST begins, PATCH brings the bytes, PUT names them: what every registry takes from Docker. */
async function send({ session, content, descriptor, signal, progress }: Transfer): Promise<void> {
  const { digest, size } = descriptor;
  const begun = await session.request('POST', session.url('blobs/uploads/'), {
    headers: { 'content-length': '0' },
    signal,
    expect: [202],
  });
  await finish(begun);
  const body = () => {
    let sent = 0;
    const file = createReadStream(content.path(digest), { highWaterMark: 256 * 1024 });
    return file.on('data', (chunk) => progress((sent += chunk.length)));
  };
  const brought = await session.request('PATCH', locationOf(begun), {
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body,
    signal,
    expect: [202, 204],
  });
  await finish(brought);
  const last = locationOf(brought);
  last.searchParams.set('digest', digest);
  const named = await session.request('PUT', last, {
    headers: { 'content-length': '0' },
    signal,
    expect: [201, 204],
  });
  await finish(named);
}

/** Reads what is left of an answer, so that its connection serves the next request. */
async function finish(answer: Answer): Promise<void> {
  await readBody(answer, ANSWER_LIMIT);
}

/** Where an upload goes on. */
function locationOf(answer: Answer): URL {
  const { location } = answer.headers;
  if (location === undefined) throw new RegistryFailure('the registry began an upload and did not say where');
  try {
    return new URL(location, answer.url);
  } catch {
    throw new RegistryFailure('the registry sends an upload to something that is not a URL');
  }
}
