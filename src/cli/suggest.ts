// What a mistyped verb may have meant. Pure; runs in the CLI.

/** The name nearest to `typed`: at most two slips away, or begun by it; undefined where none is near. */
export function nearest(typed: string, names: string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, slips: name.startsWith(typed) ? 1 : distance(typed, name) }))
    .filter(({ name, slips }) => slips <= 2 && slips < name.length)
    .sort((a, b) => a.slips - b.slips);
  return ranked[0]?.name;
}

/** Damerau-Levenshtein, adjacent letters only: `rnu` is one slip from `run`. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
