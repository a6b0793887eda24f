// The lines of Docker's pull stream (moby pkg/jsonmessage, pkg/progress): one for each change of a layer, and not more than
// ten a second for bytes on their way. Pure.

/** Milliseconds between two lines about one layer's bytes. */
const INTERVAL = 100;

/** One line of the stream. */
export interface PullLine {
  status: string;
  /** a layer's 12 digits, or the tag */
  id?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number };
}

export type Report = (line: PullLine) => void;

/** The reports of one layer, `id` being the 12 digits that Docker shows. */
export class LayerProgress {
  readonly #id: string;
  readonly #report: Report;
  #last = 0;

  constructor(id: string, report: Report) {
    this.#id = id;
    this.#report = report;
  }

  /** `Pulling fs layer`, `Waiting`, `Download complete`… */
  state(status: string): void {
    this.#last = 0;
    this.#report({ status, progressDetail: {}, id: this.#id });
  }

  /** A further try begins after this pause. */
  retrying(milliseconds: number): void {
    const seconds = Math.max(1, Math.round(milliseconds / 1000));
    this.state(`Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`);
  }

  /** `Downloading` or `Extracting`, with a bar. */
  bytes(status: string, current: number, total: number): void {
    const now = Date.now();
    if (now - this.#last < INTERVAL && current < total) return;
    this.#last = now;
    this.#report({ status, progressDetail: { current, total }, progress: bar(current, total), id: this.#id });
  }
}

/** `[=====>    ]  1.2MB/3.4MB`: 50 characters wide, as Docker draws it. */
export function bar(current: number, total: number): string {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const done = Math.min(Math.floor(Math.floor((current / total) * 100) / 2), 50);
  const box = `[${'='.repeat(done)}>${' '.repeat(50 - done)}] `;
  const numbers = current > total ? '' : `/${humanSize(total)}`;
  return `${box}${humanSize(current).padStart(8)}${numbers}`;
}

/** docker/go-units HumanSize: four digits, decimal units. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
