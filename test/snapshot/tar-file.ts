// Makes tar archives byte by byte, valid or not, as an attacker can. Names are binary strings.

export interface Member {
  name: string;
  type?: string;
  linkname?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** seconds */
  mtime?: number;
  data?: string | Buffer;
  /** What the header claims, when it is not the data's length. */
  size?: number;
  /** PAX records that precede it. */
  pax?: Record<string, string | Buffer>;
}

const BLOCK = 512;

/** A whole archive with its end mark. */
export function tar(...members: Member[]): Buffer {
  return Buffer.concat([...members.map(member), Buffer.alloc(2 * BLOCK)]);
}

export function member(of: Member): Buffer {
  const data = Buffer.isBuffer(of.data) ? of.data : Buffer.from(of.data ?? '');
  const before = of.pax ? member({ name: 'PaxHeaders/x', type: 'x', data: paxRecords(of.pax) }) : Buffer.alloc(0);
  return Buffer.concat([before, header({ size: data.length, ...of }), data, Buffer.alloc(-data.length & (BLOCK - 1))]);
}

export function header(of: Member): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(of.name.slice(0, 100), 0, 'latin1');
  octal(of.mode ?? 0o644, 100, 8);
  octal(of.uid ?? 0, 108, 8);
  octal(of.gid ?? 0, 116, 8);
  octal(of.size ?? 0, 124, 12);
  octal(of.mtime ?? 1_600_000_000, 136, 12);
  block.write(of.type ?? '0', 156, 'latin1');
  block.write((of.linkname ?? '').slice(0, 100), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  return sum(block);
}

/** Writes the checksum of a header that was changed. */
export function sum(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const total = block.reduce((a, b) => a + b, 0);
  block.write(`${total.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function paxRecords(records: Record<string, string | Buffer>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
}

export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from(` ${key}=`, 'latin1'),
    Buffer.from(value as string, 'latin1'),
    Buffer.from('\n'),
  ]);
  let length = body.length + 1;
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length;
  return Buffer.concat([Buffer.from(`${length}`), body]);
}
