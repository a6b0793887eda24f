// Times as Docker writes them: RFC 3339, UTC, up to nine decimals. Runs in the daemon.

const started = process.hrtime.bigint();
const origin = BigInt(Date.now()) * 1_000_000n;

/** Nanoseconds since the epoch; finer than Date, and never backwards within this process. */
export function nowNanoseconds(): bigint {
  return origin + (process.hrtime.bigint() - started);
}

/** `2026-01-02T03:04:05.000000006Z`; trailing zeros of the fraction are cut, as Go's RFC3339Nano does. */
export function rfc3339(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** Nanoseconds since the epoch of an RFC 3339 time in UTC; 0 when it is none. */
export function parseRfc3339(text: string): bigint {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (match === null) return 0n;
  const milliseconds = Date.parse(`${match[1]}Z`);
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
