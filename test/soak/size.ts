// How much the soak tests do: a little in every run, all of it with `npm run soak`.

export const full = process.env.PUNNET_SOAK === '1';

/** How many of something: `many` in a soak, `few` otherwise. */
export const amount = (few: number, many: number) => (full ? many : few);

/** Runs `work` on every item, at most `width` at once, and returns the results in order. */
export async function inParallel<T, R>(items: T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
