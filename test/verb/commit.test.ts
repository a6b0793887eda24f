import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('commit, import, history', (engine: Engine) => {
  const containers: string[] = [];
  const images: string[] = [];
  afterAll(async () => {
    await engine.remove(...containers);
    await engine.cli(['rmi', '-f', ...images]);
  });

  async function changed(script: string): Promise<string> {
    const name = engine.name('changed');
    containers.push(name);
    await engine.must(['run', '--network', 'none', '--name', name, '-e', 'A=1', 'busybox', 'sh', '-c', script]);
    return name;
  }

  function image(hint: string): string {
    const name = engine.name(hint);
    images.push(name);
    return name;
  }

  test('an image of a container has what the container changed, and what --change says', async () => {
    const container = await changed('echo new > /new; rm /etc/group; chmod 700 /home; ln -s /new /link');
    const name = image('committed');
    const flags = ['-a', 'me', '-m', 'why', '-c', 'CMD ["cat", "/new"]', '-c', 'ENV B=2 C="$A"', '-c', 'EXPOSE 80'];
    const id = await engine.must(['commit', ...flags, container, name]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await engine.run([], [], { image: name })).stdout).toBe('new\n');
    const seen = await engine.sh('ls /etc/group 2>&1; stat -c %a /home; readlink /link; ls /dev /proc | wc -l', [], {
      image: name,
    });
    expect(seen).toMatch(/^ls: \/etc\/group: No such file or directory\n700\n\/new\n/);
    const found = (path: string) => engine.inspect(name, path);
    expect(await found('.Config.Env')).toEqual(expect.arrayContaining(['A=1', 'B=2', 'C=1']));
    expect(await found('.Config.ExposedPorts')).toEqual({ '80/tcp': {} });
    expect(await found('.Author')).toBe('me');
    expect(await found('.Comment')).toBe('why');
    expect(await found('.RootFS.Layers')).toHaveLength(
      ((await engine.inspect('busybox', '.RootFS.Layers')) as []).length + 1,
    );
  });

  test('history shows the new line on top', async () => {
    const container = await changed('echo x > /x');
    const name = image('history');
    await engine.must(['commit', '-m', 'a comment', container, name]);
    const lines = await engine.must(['history', '--no-trunc', '--format', '{{.CreatedBy}}|{{.Comment}}', name]);
    expect(lines.split('\n')[0]).toBe('sh -c echo x > /x|a comment');
    expect((await engine.must(['history', name])).split('\n')[0]).toMatch(
      /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/,
    );
  });

  test('what is no change is refused', async () => {
    const container = await changed('true');
    const { code, stderr } = await engine.cli(['commit', '-c', 'RUN true', container]);
    expect(stderr).toContain('run is not a valid change command');
    expect(code).toBe(1);
    expect((await engine.cli(['commit', 'no-such-one'])).stderr).toContain('No such container: no-such-one');
  });

  test('an exported root is imported again', async () => {
    const container = await changed('echo flat > /flat');
    const { stdout } = await engine.cli(['export', container], { encoding: 'latin1' });
    const archive = join(engine.spec.home, engine.name('root'));
    writeFileSync(archive, stdout, 'latin1');
    const name = image('imported');
    const id = await engine.must(['import', '-m', 'from a file', '-c', 'CMD ["cat", "/flat"]', archive, name]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await engine.run([], [], { image: name })).stdout).toBe('flat\n');
    expect(await engine.inspect(name, '.RootFS.Layers')).toHaveLength(1);
    expect(await engine.inspect(name, '.Comment')).toBe('from a file');
  });
});
