// What the tests of networks say often: containers and networks of one test, which end with it.

import { onTestFinished } from 'vitest';
import type { Outcome, RunOptions } from '../support/process.ts';
import type { World } from '../support/world.ts';

/** A web server that logs its clients. */
export const HTTPD = ['sh', '-c', 'echo page > /tmp/index.html; exec httpd -f -vv -p 80 -h /tmp'];

/** `the`: the world of the suite, which is there when its tests run. */
export function inWorld(the: () => World) {
  const cli = (args: string[], options?: RunOptions): Promise<Outcome> => the().engine.cli(args, options);
  const must = (args: string[]): Promise<string> => the().engine.must(args);
  return {
    cli,
    must,
    /** The name of a container that is removed when the test ends. */
    named(hint: string): string {
      const name = the().engine.name(hint);
      onTestFinished(() => the().engine.remove(name));
      return name;
    },
    /** A new network. Containers of the test are removed before it, since they are named after it. */
    async network(...flags: string[]): Promise<string> {
      const name = the().engine.name('n');
      await must(['network', 'create', ...flags, name]);
      onTestFinished(async () => void (await cli(['network', 'rm', name])));
      return name;
    },
    start: (name: string, flags: string[], ...command: string[]): Promise<string> =>
      must(['run', '-d', '--name', name, ...flags, 'busybox', ...command]),
    /** Standard output of a short-lived container. */
    sh: (flags: string[], script: string): Promise<string> =>
      must(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]),
    /** The IPv4 address of a container in a network. */
    address: async (name: string, of: string): Promise<string> =>
      (await the().engine.inspect(name, `(index .NetworkSettings.Networks "${of}").IPAddress`)) as string,
  };
}
