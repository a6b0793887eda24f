// Durations as Go writes them: `1h30m`, `250ms`. Pure; runs in every process.

const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** time.ParseDuration, nanoseconds. */
export function readDuration(text: string): number {
  const match =
    /^([+-]?)(0|(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*)$/.exec(
      text,
    );
  if (!match) {
    const bare = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text);
    throw new Error(`time: ${bare ? 'missing unit in' : 'invalid'} duration ${JSON.stringify(text)}`);
  }
  let total = 0;
  for (const [, number, unit] of match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return Math.round(match[1] === '-' ? -total : total);
}
