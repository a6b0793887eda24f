// Sizes as Docker's clients write them (docker/go-units, RAMInBytes). Pure; runs in every process.

const POWERS: Record<string, number> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * Reads `64m`, `1.5g`, `10KiB`, `512` with powers of 1024. Bytes.
 * @throws Error with Docker's text.
 */
export function parseBytes(text: string): number {
  let last = text.length - 1;
  while (last >= 0 && !'0123456789. '.includes(text[last]!)) last--;
  if (last < 0) throw new Error(`invalid size: '${text}'`);
  const number = text[last] === ' ' ? text.slice(0, last) : text.slice(0, last + 1);
  const suffix = text.slice(last + 1).toLowerCase();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number)) {
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const size = Number(number);
  if (size < 0) throw new Error(`invalid size: '${text}'`);
  if (suffix === '' || suffix === 'b') return Math.trunc(size);
  const power = POWERS[suffix[0]!];
  if (power === undefined || !['', 'b', 'ib'].includes(suffix.slice(1))) throw new Error(`invalid suffix: '${suffix}'`);
  return Math.trunc(size * 1024 ** power);
}
