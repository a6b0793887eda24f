// Writes a list as --format asks: a table, `table TEMPLATE`, `json`, or any template, one line per object.
// docker/cli: cli/command/formatter/formatter.go. Pure; runs in the CLI.

import { layOut } from './table.ts';
import { compileTemplate, Struct } from './template.ts';
import { headerFunctions } from './template-functions.ts';

export interface ListFormat {
  /** `table …`, `json` or a template */
  format: string;
  /** column titles by field */
  headers: Record<string, string>;
}

const LAYOUT = { minimum: 10, padding: 3 };

/** @throws Error `template parsing error: …` */
export function formatList(rows: Struct[], { format, headers }: ListFormat): string {
  const table = format.startsWith('table');
  const source = templateOf(format);
  let lines = '';
  try {
    const template = compileTemplate(source);
    for (const row of rows) lines += `${template.run(row)}\n`;
    if (!table) return lines;
    const header = template.run(headerRow(headers), { functions: headerFunctions });
    return layOut(`${header}\n${lines}`, LAYOUT);
  } catch (error) {
    throw new Error(`template parsing error: ${(error as Error).message}`, { cause: error });
  }
}

/** The template behind a format: `table` and `json` are words, `\t` and `\n` escapes. */
export function templateOf(format: string): string {
  const body = format === 'json' ? '{{json .}}' : format.startsWith('table') ? format.slice('table'.length) : format;
  return body
    .replace(/^ +| +$/g, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
}

/** Titles stand for fields; `.Label "a.b-c"` has the title `b c`. */
function headerRow(headers: Record<string, string>): object {
  const fields = Object.fromEntries(Object.entries(headers).map(([name, title]) => [name, () => title]));
  return new HeaderRow({
    ...fields,
    Label: (name: string) => name.split('.').at(-1)!.replace(/[-_]/g, ' '),
  });
}

/** A header has a value for every field: what it does not know prints as Go prints a missing key. */
class HeaderRow extends Struct {
  constructor(fields: Record<string, (...parameters: never[]) => unknown>) {
    const known = (name: string) => Object.hasOwn(fields, name);
    super(
      'formatter.SubHeaderContext',
      new Proxy(fields, { get: (all, name) => (known(String(name)) ? all[String(name)] : () => undefined) }),
    );
  }
}
