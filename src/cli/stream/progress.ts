// Shows the progress of a pull: a bar for every layer on a terminal, plain lines elsewhere. Layout and texts of docker
// (moby: pkg/jsonmessage). Runs in the CLI. ECMA-48 cursor controls.

import type { ProgressLine } from '../../api/types.ts';
import { PunnetError } from '../../base/errors.ts';
import { humanSize } from '../format/size.ts';

export interface ProgressTarget {
  isTerminal: boolean;
  /** columns of the terminal */
  columns: number;
  write(text: string): void;
}

type Detail = ProgressLine['progressDetail'] & { start?: number; hidecounts?: boolean; units?: string };

/** Returns the function to feed with lines. @throws internal with the daemon's text when a line is an error */
export function progressPrinter(target: ProgressTarget): (line: ProgressLine) => void {
  let rows = new Map<string, number>();
  return (line) => {
    if (line.aux !== undefined && line.aux !== null) return;
    let up = 0;
    if (line.id && line.progressDetail !== undefined) {
      if (!rows.has(line.id)) {
        rows.set(line.id, rows.size);
        if (target.isTerminal) target.write('\n');
      }
      up = rows.size - rows.get(line.id)!;
      if (target.isTerminal) target.write(`\x1b[${up}A`);
    } else {
      // A line that is no layer's ends the block of bars: later bars start a new one below it.
      rows = new Map();
    }
    const message = line.errorDetail?.message ?? line.error;
    if (message !== undefined) throw new PunnetError('internal', message);
    target.write(lineText(line, target));
    if (line.id && target.isTerminal && up > 0) target.write(`\x1b[${up}B`);
  };
}

function lineText(line: ProgressLine, { isTerminal, columns }: ProgressTarget): string {
  const bar = line.progressDetail === undefined ? '' : progressBar(line.progressDetail, columns);
  const id = line.id ? `${line.id}: ` : '';
  if (isTerminal && !line.stream && line.progressDetail !== undefined) {
    return `\x1b[2K\r${id}${line.status ?? ''} ${bar}\r`;
  }
  if (bar !== '') return '';
  return line.stream ? id + line.stream : `${id}${line.status ?? ''}\n`;
}

/** `[===>   ]  1.2MB/4.4MB 3s` for what the width allows. */
export function progressBar(detail: Detail, columns: number): string {
  const current = detail.current ?? 0;
  const total = detail.total ?? 0;
  if (current <= 0 && total <= 0) return '';
  const size = (bytes: number) => (detail.units ? `${bytes} ${detail.units}` : humanSize(bytes));
  if (total <= 0) return detail.units ? size(current) : size(current).padStart(8);
  const half = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const box = columns > 110 ? `[${'='.repeat(half)}>${' '.repeat(50 - half)}] ` : '';
  let counts = '';
  if (!detail.hidecounts) {
    counts = detail.units ? String(current) : size(current).padStart(8);
    if (current <= total) counts += `/${size(total)}`;
    else if (detail.units) counts = size(current);
  }
  return box + counts + (columns > 50 && half < 50 ? timeLeft(detail, current, total) : '');
}

function timeLeft(detail: Detail, current: number, total: number): string {
  if (!detail.start || current <= 0) return '';
  const seconds = Math.round(((Date.now() / 1000 - detail.start) / current) * (total - current));
  const parts = [Math.trunc(seconds / 3600), Math.trunc(seconds / 60) % 60, seconds % 60];
  const first = parts.findIndex((part, at) => part > 0 || at === 2);
  return ` ${parts
    .slice(first)
    .map((part, at) => `${part}${'hms'[first + at]}`)
    .join('')}`;
}
