// Small text forms that Go programs print: quoted strings, ellipses, short ids, times. Pure; runs in the CLI.

/** strconv.Quote. */
export function quote(text: string): string {
  const escapes: Record<string, string> = {
    '"': '\\"',
    '\\': '\\\\',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
    '\x07': '\\a',
  };
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (escapes[char] !== undefined) out += escapes[char];
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code >= 0x80 && code < 0xa1) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += char;
  }
  return out + '"';
}

/** Cuts to `width` characters, the last one then being `…`. */
export function ellipsis(text: string, width: number): string {
  const characters = [...text];
  if (width <= 0) return '';
  if (characters.length <= width) return text;
  return width === 1 ? characters[0]! : characters.slice(0, width - 1).join('') + '…';
}

/** The twelve digits that lists show of an id, without `sha256:`. */
export function shortId(id: string): string {
  const colon = id.indexOf(':');
  return id.slice(colon + 1).slice(0, 12);
}

const two = (number: number) => String(number).padStart(2, '0');

/** Seconds since the epoch as Go's time.String(): `2026-05-08 07:24:13 +0200 CEST`, in the local zone. */
export function goTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  const offset = -time.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${date} ${clock} ${zone} ${offset === 0 ? 'UTC' : zoneName(time, zone)}`;
}

function zoneName(time: Date, otherwise: string): string {
  for (const locale of ['en-GB', 'en-US', 'en-AU']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(time);
    const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
    if (/^[A-Z]{2,5}$/.test(name) && name !== 'GMT') return name;
  }
  return otherwise;
}

/** Go's time.ANSIC of an RFC 3339 time: `Thu May  7 21:09:36 2026`; any other text as it is. */
export function ansicTime(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return text;
  const [, year, month, day, clock] = match;
  const weekday = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDay();
  const name = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][weekday];
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  return `${name} ${months[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
