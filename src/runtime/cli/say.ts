// What the user and the engine are told. Synchronously and by descriptor: process.stdout would set up a stream, and change the
// flags of a pipe that the container inherits. Engines read the last error of the JSON log, or stderr. Every verb.

import { appendFileSync, writeSync } from 'node:fs';
import { messageOf, PunnetError } from '../../base/errors.ts';
import type { Settings } from './settings.ts';

/** Writes all of `text` to a standard stream; a reader that has gone away is no error. */
export function say(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE' || code === 'EBADF') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

/** Tells an error where it is looked for: in the log, and on stderr, where `fix` is added. */
export function sayError(error: unknown, settings: Settings | undefined): void {
  const message = messageOf(error);
  const fix = error instanceof PunnetError && error.fix ? `\n  try: ${error.fix}` : '';
  if (settings?.log === undefined) return say(2, `${logLine('error', message, settings).trimEnd()}${fix}\n`);
  log('error', message, settings);
  say(2, `${message}${fix}\n`);
}

/** One line of the log; without one, warnings go to stderr. */
export function log(level: 'warning' | 'error', message: string, settings: Settings): void {
  const line = logLine(level, message, settings);
  if (settings.log === undefined) return say(2, line);
  try {
    appendFileSync(settings.log, line);
  } catch (error) {
    say(2, `${line}cannot write the log: ${messageOf(error)}\n`);
  }
}

/* logrus's two formats */
function logLine(level: string, msg: string, settings: Settings | undefined): string {
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  if (settings?.logFormat === 'json') return `${JSON.stringify({ level, msg, time })}\n`;
  return `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}\n`;
}
