// A vitest reporter that ends a run with what was skipped and why, and with one line that states the counts.
// Runs in vitest's main process.

import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** `N passed, N failed, N skipped` as the last line; the reasons of skips, each once with its count, above it. */
export default class ClosingLine implements Reporter {
  #text = '';

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    let passed = 0;
    // A module that could not be loaded, or an error outside every test, is a failure too.
    let failed = unhandled.length;
    let skipped = 0;
    const reasons = new Map<string, number>();
    for (const module of modules) {
      let counted = 0;
      for (const test of module.children.allTests()) {
        counted++;
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else {
          skipped++;
          const reason = reasonOf(test);
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
      }
      if (module.errors().length > 0 || (counted === 0 && !module.ok())) failed++;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    const lines = [...reasons].map(([reason, count]) => `  skipped ${count}: ${reason}`);
    this.#text = ['', ...lines, `${passed} passed, ${failed} failed, ${skipped} skipped`].join('\n');
  }

  /** After the default reporter's summary, which it prints at this event. */
  onFinished(): void {
    process.stdout.write(`${this.#text}\n`);
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  if (failedSuite(test)) return 'the set-up of their suite failed';
  return (
    /\(skipped: (.*?)\)(?: >|$)/.exec(test.fullName)?.[1] ??
    `no reason given (${test.module.moduleId}: ${test.fullName})`
  );
}

function failedSuite(test: TestCase): boolean {
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent)
    if (parent.errors().length > 0) return true;
  return false;
}
