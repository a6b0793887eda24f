// Elastic tab stops: a column is as wide as the widest cell of consecutive lines that have it, as Go's text/tabwriter
// lays out Docker's tables. Pure; runs in the CLI.

export interface TableLayout {
  /** least width of a column, padding included */
  minimum: number;
  /** spaces after the widest cell */
  padding: number;
}

/** Lays out lines of tab-terminated cells; what follows the last tab of a line belongs to no column. */
export function layOut(text: string, { minimum, padding }: TableLayout): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[] = [];
  let out = '';

  const write = (from: number, to: number) => {
    for (let at = from; at < to; at++) {
      for (const [column, cell] of lines[at]!.entries()) {
        out += cell;
        if (column < widths.length) out += ' '.repeat(Math.max(0, widths[column]! - widthOf(cell)));
      }
      if (at < lines.length - 1) out += '\n';
    }
  };
  const format = (first: number, end: number) => {
    const column = widths.length;
    const inColumn = (at: number) => column < lines[at]!.length - 1;
    let start = first;
    for (let at = first; at < end; at++) {
      if (!inColumn(at)) continue;
      write(start, at);
      start = at;
      let width = minimum;
      for (; at < end && inColumn(at); at++) width = Math.max(width, widthOf(lines[at]![column]!) + padding);
      widths.push(width);
      format(start, at);
      widths.pop();
      start = at;
    }
    write(start, end);
  };
  format(0, lines.length);
  return out;
}

/** Characters, as Go counts runes; most text has one for each unit of UTF-16. */
function widthOf(text: string): number {
  return /[\ud800-\udfff]/.test(text) ? [...text].length : text.length;
}
