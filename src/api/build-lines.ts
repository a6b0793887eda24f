// A build's events as the lines that Docker's classic builder sends. Stages go on side by side, but a client of Docker expects
// one step after the other: the first step that is not done speaks at once, the others wait for their turn. Pure.
// Runs in the daemon. moby: daemon/builder/dockerfile/builder.go

import type { BuildEvent } from '../base/build-event.ts';
import type { ProgressLine } from './types.ts';

type Write = (line: ProgressLine) => void;

export class ClassicLines {
  readonly #write: Write;
  readonly #waiting = new Map<number, ProgressLine[]>();
  readonly #done = new Set<number>();
  #current = 1;

  constructor(write: Write) {
    this.#write = write;
  }

  event(event: BuildEvent): void {
    switch (event.type) {
      case 'failed':
        this.#flush(event.failure.step);
        return;
      case 'warning':
        return this.#write({ stream: `[Warning] ${event.text}\n` });
      case 'built':
        this.#write({ stream: `Successfully built ${short(event.image)}\n` });
        for (const name of event.names) this.#write({ stream: `Successfully tagged ${name}\n` });
        return;
      default:
        for (const line of linesOf(event)) this.#say(event.step, line);
        if (event.type === 'done') this.#finish(event.step);
    }
  }

  #say(step: number, line: ProgressLine): void {
    // What follows a step that is done, its stage's id, needs to wait no longer than the step did.
    if (step <= this.#current) return this.#write(line);
    this.#waiting.set(step, [...(this.#waiting.get(step) ?? []), line]);
  }

  #finish(step: number): void {
    this.#done.add(step);
    while (this.#done.has(this.#current)) {
      this.#current++;
      this.#flush(this.#current);
    }
  }

  #flush(step: number): void {
    for (const line of this.#waiting.get(step) ?? []) this.#write(line);
    this.#waiting.delete(step);
  }
}

const short = (id: string) => id.slice('sha256:'.length, 'sha256:'.length + 12);

type StepEvent = Extract<BuildEvent, { step: number }>;

function linesOf(event: StepEvent): ProgressLine[] {
  const stream = (text: string) => [{ stream: text }];
  switch (event.type) {
    case 'step':
      return stream(`Step ${event.step}/${event.total} : ${event.text}\n`);
    case 'note':
      return stream(`${event.text}\n`);
    case 'container':
      return stream(` ---> Running in ${event.id.slice(0, 12)}\n`);
    case 'output':
      // Docker shows what went to stderr in red.
      return stream(event.stream === 'stderr' ? `\x1b[91m${event.text}\x1b[0m` : event.text);
    case 'progress':
      return [event.line as ProgressLine];
    case 'stage':
      return [{ aux: { ID: event.image } }];
    case 'done':
      return [
        ...(event.cached ? stream(' ---> Using cache\n') : []),
        ...(event.container ? stream(`Removing intermediate container ${event.container.slice(0, 12)}\n`) : []),
        ...(event.image ? stream(` ---> ${short(event.image)}\n`) : []),
      ];
  }
}
