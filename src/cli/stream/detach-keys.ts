// The keys that leave a terminal without ending its container: `ctrl-p,ctrl-q`. Pure; runs in the CLI.
// moby/term: ascii.go, proxy.go.

/** ctrl-p ctrl-q */
export const DEFAULT_DETACH_KEYS = Buffer.from([16, 17]);

/** Reads `ctrl-a,x,DEL`. @throws Error when a key is unknown */
export function readDetachKeys(text: string): Buffer {
  const codes = text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    if (key === 'DEL') return 127;
    const control = /^ctrl-([@a-z[\\\]^_])$/.exec(key)?.[1];
    if (control === undefined) throw new Error(`Unknown character: '${key}'`);
    return control.toUpperCase().charCodeAt(0) - 64;
  });
  return Buffer.from(codes);
}

/**
 * Watches input for `keys`: the returned function gives what may pass on, and whether the keys were complete. Keys that
 * turn out to be no full sequence pass with the next input.
 */
export function detachWatcher(keys: Uint8Array): (input: Uint8Array) => { pass: Buffer; detached: boolean } {
  let matched = 0;
  return (input) => {
    const pass: number[] = [];
    for (const byte of input) {
      if (byte === keys[matched]) {
        matched++;
        if (matched === keys.length) return { pass: Buffer.from(pass), detached: true };
        continue;
      }
      pass.push(...keys.slice(0, matched), byte);
      matched = 0;
    }
    return { pass: Buffer.from(pass), detached: false };
  };
}
