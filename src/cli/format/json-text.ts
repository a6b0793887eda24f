// Re-indents JSON without reading it, as Go's json.Indent and json.Compact do: the daemon's own numbers, escapes and
// order of keys stay. Pure; runs in the CLI.

/** @param indent spaces per level; 0 puts everything on one line */
export function indentJson(text: string, indent: number): string {
  let out = '';
  let depth = 0;
  let at = 0;
  const newline = () => (indent > 0 ? `\n${' '.repeat(depth * indent)}` : '');
  while (at < text.length) {
    const char = text[at]!;
    if (char === '"') {
      const end = endOfString(text, at);
      out += text.slice(at, end);
      at = end;
      continue;
    }
    at++;
    if (/\s/.test(char)) continue;
    if (char === '{' || char === '[') {
      const close = char === '{' ? '}' : ']';
      const next = at + (/^\s*/.exec(text.slice(at, at + 4096))?.[0].length ?? 0);
      if (text[next] === close) {
        out += char + close;
        at = next + 1;
        continue;
      }
      depth++;
      out += char + newline();
    } else if (char === '}' || char === ']') {
      depth--;
      out += newline() + char;
    } else if (char === ',') out += char + newline();
    else if (char === ':') out += indent > 0 ? ': ' : ':';
    else out += char;
  }
  return out;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
