// What `run` answers when something is wrong, and what it passes on from the program: codes and texts are Docker's.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { differs } from '../differ.ts';
import { onEveryEngine } from '../support/every-engine.ts';

const registry = inject('registry');
const files = `${registry}/test/files`;

onEveryEngine('run: exit codes and messages', (engine) => {
  const fails = async (code: number, text: RegExp, flags: string[], command: string[], image = 'busybox') => {
    const outcome = await engine.run(flags, command, { image });
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({
      code,
      stderr: expect.stringMatching(text) as string,
    });
    expect(outcome.stdout).toBe('');
  };

  test('a program that succeeds gives 0 and its output, unchanged', async () => {
    expect(await engine.run([], ['echo', 'hello'])).toEqual({ stdout: 'hello\n', stderr: '', code: 0 });
  });

  test.each([1, 2, 42, 125, 126, 127, 255])('exit code %i of the program is the exit code of run', async (code) => {
    expect(await engine.run([], ['sh', '-c', `exit ${code}`])).toEqual({ stdout: '', stderr: '', code });
  });

  test('standard output and standard error stay apart', async () => {
    expect(await engine.run([], ['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 3,
    });
  });

  test('every byte of a large output arrives', async () => {
    const outcome = await engine.run([], ['sh', '-c', 'dd if=/dev/zero bs=1024 count=3000 2>/dev/null | tr "\\0" x']);
    expect([outcome.code, outcome.stdout.length]).toEqual([0, 3_072_000]);
  });

  test('a command that is not in $PATH gives 127 and says so', () =>
    fails(127, /exec: "no-such-command": executable file not found in \$PATH/, [], ['no-such-command']));

  test('a path that does not exist gives 127 and says so', () =>
    fails(127, /exec: "\/no\/such\/file": stat \/no\/such\/file: no such file or directory/, [], ['/no/such/file']));

  test('a file without execute permission gives 126 and says so', () =>
    fails(126, /exec: "\/bin\/not-executable": permission denied/, [], ['/bin/not-executable'], files));

  test('a directory as command gives 126', () =>
    fails(126, /exec: "\/etc": (is a directory|permission denied)/, [], ['/etc']));

  test('a script whose interpreter is absent fails and names the script', async () => {
    const outcome = await engine.run([], ['/bin/bad-interpreter'], { image: files });
    expect(outcome.code).not.toBe(0);
    if (differs(engine, 'execve-fails-the-start'))
      expect(outcome.stderr).toMatch(/Error response from daemon: .*\/bin\/bad-interpreter: no such file or directory/);
    else expect(outcome.stderr).toMatch(/exec \/bin\/bad-interpreter: no such file or directory/);
  });

  test('a file that is no program fails with exec format error', async () => {
    const outcome = await engine.run([], ['/bin/no-shebang'], { image: files });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/exec \/bin\/no-shebang: exec format error/);
  });

  test('a script with an interpreter runs', async () => {
    expect((await engine.run([], ['/bin/script', 'a', 'b'], { image: files })).stdout).toBe('script:a b\n');
  });

  test('a failed start with 127 is recorded in the container', async () => {
    const name = engine.name('nf');
    try {
      const outcome = await engine.cli(['run', '--network', 'none', '--name', name, 'busybox', 'no-such-command']);
      expect(outcome.code).toBe(127);
      expect(await engine.inspect(name, '.State.ExitCode')).toBe(127);
      expect(await engine.inspect(name, '.State.Status')).toBe('created');
      expect(await engine.inspect(name, '.State.Error')).toMatch(/executable file not found in \$PATH/);
    } finally {
      await engine.remove(name);
    }
  });

  test('an image that no registry has gives 125 and both messages', async () => {
    const image = `${registry}/no/such:image`;
    const outcome = await engine.run([], ['true'], { image });
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toContain(`Unable to find image '${image}' locally`);
    expect(outcome.stderr).toMatch(
      /Error response from daemon: manifest for .*\/no\/such:image not found: manifest unknown/,
    );
  });

  test('an image name with upper-case letters gives 125', () =>
    fails(
      125,
      /invalid reference format: repository name \(library\/Busybox\) must be lowercase/,
      [],
      ['true'],
      'Busybox',
    ));

  test('a malformed image name gives 125', () => fails(125, /invalid reference format/, [], ['true'], 'a b'));

  test('an unknown flag gives 125 and is named', () =>
    fails(125, /unknown flag: --no-such-flag/, ['--no-such-flag'], ['true']));

  test('an unknown short flag gives 125 and is named', () =>
    fails(125, /unknown shorthand flag: 'Z' in -Z/, ['-Z'], ['true']));

  test('a flag of the command is not a flag of run', async () => {
    expect((await engine.run([], ['echo', '--rm', '-Z', '--', 'x'])).stdout).toBe('--rm -Z -- x\n');
  });

  test('a name that is taken gives 125 and names its owner', async () => {
    const name = engine.name('taken');
    const id = await engine.must(['create', '--name', name, 'busybox', 'true']);
    try {
      await fails(
        125,
        new RegExp(`Conflict\\. The container name "/${name}" is already in use by container "${id}"`),
        ['--name', name],
        ['true'],
      );
    } finally {
      await engine.remove(name);
    }
  });

  test('a name with characters that are not allowed gives 125', () =>
    fails(
      125,
      /Invalid container name \(a b\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/,
      ['--name', 'a b'],
      ['true'],
    ));

  test('a user that the image does not know gives 126 or 125 and is named', async () => {
    const outcome = await engine.run(['-u', 'nobody-here'], ['true']);
    expect([125, 126]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(/unable to find user nobody-here: no matching entries in passwd file/);
  });

  test('a working directory that is a file gives an error that names it', async () => {
    const outcome = await engine.run(['-w', '/etc/passwd'], ['true']);
    expect([125, 126, 127]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(/\/etc\/passwd.*not a directory|not a directory.*\/etc\/passwd/i);
  });

  test('a working directory that is not absolute gives 125', () =>
    fails(
      125,
      /[Tt]he working directory 'relative' is invalid,? it needs to be an absolute path/,
      ['-w', 'relative'],
      ['true'],
    ));

  test('a mount whose source is absent gives 125 and names it', () =>
    fails(
      125,
      /invalid mount config for type "bind": bind source path does not exist: \/no\/such\/dir/,
      ['--mount', 'type=bind,source=/no/such/dir,target=/x'],
      ['true'],
    ));

  test('a bind with an unknown mode gives 125', () =>
    fails(125, /invalid mode: nomode/, ['-v', '/tmp:/x:nomode'], ['true']));

  test('a bind on the root gives 125', () =>
    fails(125, /invalid (volume )?specification: .*destination can't be '\/'/, ['-v', '/tmp:/'], ['true']));

  test('two mounts on one target give 125', () =>
    fails(125, /Duplicate mount point: \/x/, ['-v', '/tmp:/x', '-v', '/var:/x'], ['true']));

  test('an unknown network gives 125', async () => {
    const outcome = await engine.cli(['run', '--rm', '--network', 'no-such-net', 'busybox', 'true']);
    expect([outcome.code, outcome.stderr]).toEqual([125, expect.stringMatching(/network no-such-net not found/)]);
  });

  test('an unknown capability gives 125 and is named', () =>
    fails(125, /invalid CapAdd: unknown capability: "CAP_NOPE"/, ['--cap-add', 'NOPE'], ['true']));

  test('less memory than 6 MB gives 125', async (context) => {
    const reason = await engine.withoutLimits();
    if (reason) context.skip(reason);
    await fails(125, /Minimum memory limit allowed is 6MB/, ['-m', '1m'], ['true']);
  });

  test('memory that is no number gives 125', () =>
    fails(125, /invalid (argument|size).*"?x12"?/, ['-m', 'x12'], ['true']));

  test('less swap than memory gives 125', async (context) => {
    const reason = await engine.withoutLimits();
    if (reason) context.skip(reason);
    await fails(
      125,
      /Minimum memoryswap limit should be larger than memory limit/,
      ['-m', '32m', '--memory-swap', '16m'],
      ['true'],
    );
  });

  test('more cpus than the machine has gives 125', async (context) => {
    const reason = await engine.withoutLimits();
    if (reason) context.skip(reason);
    await fails(
      125,
      /[Rr]ange of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs available/,
      ['--cpus', '4096'],
      ['true'],
    );
  });

  test('an unknown signal to stop with gives 125', () =>
    fails(125, /[Ii]nvalid signal: NOSIG/, ['--stop-signal', 'NOSIG'], ['true']));

  test('an unknown security option gives 125', () =>
    fails(125, /[Ii]nvalid --security-opt.*nonsense/, ['--security-opt', 'nonsense'], ['true']));

  test('an unknown ulimit gives 125', () => fails(125, /invalid ulimit type: nope/, ['--ulimit', 'nope=1'], ['true']));

  test('a sysctl outside the container gives an error that names it', async () => {
    const outcome = await engine.run(['--sysctl', 'kernel.panic=1'], ['true']);
    expect([125, 126]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(/kernel\.panic/);
  });

  test('--rm with a restart policy gives 125', () =>
    fails(125, /[Cc]onflicting options:.*--rm|--restart/, ['--restart', 'always'], ['true']));

  test('an image without command and no command given gives 125', () =>
    fails(125, /[Nn]o command specified/, [], [], `${registry}/test/no-command`));

  test('an environment file that is absent gives 125', () =>
    fails(
      125,
      /open .*no-such-file: no such file or directory/,
      ['--env-file', join(engine.spec.home, 'no-such-file')],
      ['true'],
    ));

  test('a cidfile that exists gives 125', async () => {
    const directory = join(engine.spec.home, engine.name('cid'));
    mkdirSync(directory);
    const file = join(directory, 'cid');
    writeFileSync(file, '');
    await fails(125, /container ID file found/, ['--cidfile', file], ['true']);
  });

  test('a container that was killed by a signal gives 128 + n', async () => {
    const outcome = await engine.run(['--init'], ['sh', '-c', 'kill -9 $$']);
    expect(outcome.code).toBe(137);
  });

  test('run without an image is a usage error', async () => {
    const outcome = await engine.cli(['run', '--rm']);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/requires at least 1 argument/);
  });
});
