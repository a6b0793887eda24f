// One line of comma-separated fields with optional double quotes (RFC 4180), as --mount and --network take it.
// Pure; runs in every process.

/** @throws Error with encoding/csv's text */
export function readCsv(line: string): string[] {
  if (line === '') throw new Error('EOF');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = '';
    if (line[at] === '"') {
      const start = ++at;
      for (;;) {
        const quote = line.indexOf('"', at);
        if (quote < 0)
          throw new Error(`parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`);
        field += line.slice(at, quote);
        at = quote + 1;
        if (line[at] !== '"') break;
        field += '"';
        at++;
      }
      if (at < line.length && line[at] !== ',')
        throw new Error(`parse error on line 1, column ${start + 1}: extraneous or missing " in quoted-field`);
    } else {
      const comma = line.indexOf(',', at);
      field = line.slice(at, comma < 0 ? undefined : comma);
      const bare = field.indexOf('"');
      if (bare >= 0) throw new Error(`parse error on line 1, column ${at + bare + 1}: bare " in non-quoted-field`);
      at += field.length;
    }
    fields.push(field);
    if (at >= line.length) return fields;
    at++;
  }
}
