// Waiting without an event loop, since most verbs need none.

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Asks until it is so, at most `seconds`. @returns whether it was so in time */
export function pollUntil(probe: () => boolean, seconds = 10): boolean {
  const deadline = Date.now() + seconds * 1000;
  for (let pause = 0.25; ; pause = Math.min(pause * 2, 20)) {
    if (probe()) return true;
    if (Date.now() > deadline) return false;
    Atomics.wait(nothing, 0, 0, pause);
  }
}
