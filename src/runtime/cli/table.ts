// Columns as Go's tabwriter lays them out for runc: as wide as their widest cell, at least twelve, three blanks between.

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(9, ...rows.map((row) => row[column]!.length)) + 3);
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('');
  return rows.map((row) => `${line(row)}\n`).join('');
}
