// Shows how a build goes on, from its events: plain lines in the manner of BuildKit; on a terminal, the steps that are under
// way with their last lines. Runs in the CLI.

import type { BuildEvent } from '../../base/build-event.ts';
import { progressBar } from '../stream/progress.ts';

export interface ProgressTarget {
  write(text: string): void;
  columns: number;
}

export type ProgressMode = 'plain' | 'tty' | 'json' | 'quiet';

interface StepView {
  number: number;
  title: string;
  begun: number;
  lines: string[];
  /** the end of output that has no newline yet */
  rest: string;
}

/** How many of its last lines a step under way shows. */
const LAST = 4;

export class BuildProgress {
  readonly #target: ProgressTarget;
  readonly #mode: ProgressMode;
  readonly #explain: boolean;
  readonly #steps = new Map<number, StepView>();
  /** lines on the terminal that are drawn again */
  #drawn = 0;

  constructor(target: ProgressTarget, { mode, explain }: { mode: ProgressMode; explain: boolean }) {
    this.#target = target;
    this.#mode = mode;
    this.#explain = explain;
  }

  event(event: BuildEvent): void {
    if (this.#mode === 'quiet') return;
    if (this.#mode === 'json') return this.#target.write(`${JSON.stringify(event)}\n`);
    switch (event.type) {
      case 'step': {
        const title = `[${event.stage ? `${event.stage} ` : ''}${event.step}/${event.total}] ${event.text}`;
        const view = { number: event.step, title, begun: Date.now(), lines: [], rest: '' };
        this.#steps.set(event.step, view);
        if (this.#mode === 'plain') this.#print(`#${event.step} ${title}`);
        break;
      }
      case 'output':
        this.#output(event);
        break;
      case 'note':
        this.#line(event.step, event.text);
        break;
      case 'progress':
        this.#pull(event.step, event.line);
        break;
      case 'done':
        this.#done(event);
        break;
      case 'warning':
        this.#print(`WARNING: ${event.text}`);
        break;
      case 'failed': {
        const step = this.#steps.get(event.failure.step);
        if (this.#mode === 'plain') this.#print(`#${event.failure.step} ERROR: ${event.message}`);
        else if (step) this.#print([`=> ERROR ${step.title}`, ...step.lines.map((line) => `   ${line}`)].join('\n'));
        this.#steps.delete(event.failure.step);
        break;
      }
      default:
        break;
    }
    this.#draw();
  }

  #output({ step, text }: { step: number; text: string }): void {
    const view = this.#steps.get(step);
    if (!view) return;
    const lines = (view.rest + text).split(/\r?\n/);
    view.rest = lines.pop()!;
    for (const line of lines) this.#line(step, line);
  }

  #line(step: number, text: string): void {
    const view = this.#steps.get(step);
    if (!view) return;
    view.lines.push(text);
    if (this.#mode === 'plain') this.#print(`#${step} ${seconds(Date.now() - view.begun)} ${text}`);
  }

  #pull(step: number, line: object): void {
    const { id, status, progressDetail } = line as { id?: string; status?: string; progressDetail?: object };
    if (progressDetail === undefined) return this.#line(step, `${id ? `${id}: ` : ''}${status ?? ''}`);
    const view = this.#steps.get(step);
    // A bar that moves: on a terminal the last one is enough, in a log it would be noise.
    if (view && this.#mode === 'tty') view.rest = `${id ?? ''}: ${status ?? ''} ${progressBar(progressDetail, 80)}`;
  }

  #done({ step, cached, reason, milliseconds }: Extract<BuildEvent, { type: 'done' }>): void {
    const view = this.#steps.get(step);
    if (!view) return;
    if (view.rest !== '' && this.#mode === 'plain') this.#line(step, view.rest);
    this.#steps.delete(step);
    const why = this.#explain && reason !== undefined ? ` (not cached: ${reason})` : '';
    if (this.#mode === 'plain') {
      this.#print(cached ? `#${step} CACHED\n` : `#${step} DONE ${seconds(milliseconds)}s${why}\n`);
    } else
      this.#print(`=> ${cached ? 'CACHED ' : ''}${view.title}${cached ? '' : `  ${seconds(milliseconds)}s`}${why}`);
  }

  /** A line that stays. */
  #print(text: string): void {
    this.#erase();
    this.#target.write(`${text}\n`);
  }

  #erase(): void {
    if (this.#drawn > 0) this.#target.write(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (this.#mode !== 'tty') return;
    this.#erase();
    const width = Math.max(20, this.#target.columns - 1);
    const lines = [...this.#steps.values()].flatMap(({ title, begun, lines: said, rest }) => [
      `=> ${title}  ${seconds(Date.now() - begun)}s`,
      ...[...said, ...(rest === '' ? [] : [rest])].slice(-LAST).map((line) => `   # ${line}`),
    ]);
    if (lines.length === 0) return;
    this.#target.write(lines.map((line) => `${printable(line).slice(0, width)}\n`).join(''));
    this.#drawn = lines.length;
  }
}

/** A program's own cursor controls would break what is drawn again. */
const printable = (text: string) => text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/[\x00-\x1f\x7f]/g, ' ');

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
