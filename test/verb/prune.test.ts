import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('system prune, image prune', (engine: Engine) => {
  const containers: string[] = [];
  const images: string[] = [];
  afterAll(async () => {
    await engine.remove(...containers);
    await engine.cli(['rmi', '-f', ...images]);
  });

  /** A stopped container with a label that no other has. */
  async function stopped(): Promise<{ name: string; id: string; label: string }> {
    const name = engine.name('pruned');
    containers.push(name);
    const label = `purpose=${name}`;
    await engine.must(['run', '--network', 'none', '--name', name, '-l', label, 'busybox', 'sh', '-c', 'echo x > /x']);
    return { name, id: String(await engine.inspect(name, '.Id')), label };
  }

  /** An image with that label, under a name or none; its id. */
  async function image(container: string, name?: string): Promise<string> {
    const id = await engine.must(['commit', container, ...(name ? [name] : [])]);
    images.push(id);
    return id;
  }

  test.each([
    [
      [],
      [
        'all stopped containers',
        'all networks not used by at least one container',
        'all dangling images',
        'unused build cache',
      ],
      [],
    ],
    [
      ['-a', '--volumes', '--filter', 'label=no', '--filter', 'label!=other'],
      [
        'all stopped containers',
        'all networks not used by at least one container',
        'all anonymous volumes not used by at least one container',
        'all images without at least one container associated to them',
        'all build cache',
      ],
      ['label!=other', 'label=no'],
    ],
  ])('%j asks before anything is lost, and says what', async (flags, things, filters) => {
    const { code, stdout } = await engine.cli(['system', 'prune', ...flags], { stdin: 'n\n' });
    expect(code).toBe(0);
    const shown = (lines: string[]) => lines.map((line) => `  - ${line}\n`).join('');
    const filtered = filters.length > 0 ? `\n  Items to be pruned will be filtered with:\n${shown(filters)}` : '';
    expect(stdout).toBe(
      `WARNING! This will remove:\n${shown(things)}${filtered}\nAre you sure you want to continue? [y/N] `,
    );
  });

  test('until does not go with --volumes', async () => {
    const { code, stderr } = await engine.cli(['system', 'prune', '-f', '--volumes', '--filter', 'until=1h']);
    expect([code, stderr.trim()]).toEqual([1, 'ERROR: The "until" filter is not supported with "--volumes"']);
  });

  test('removes stopped containers and then images, and sums up what it freed', async () => {
    const { name, id, label } = await stopped();
    const dangling = await image(name);
    const lines = (await engine.must(['system', 'prune', '-f', '--filter', `label=${label}`])).split('\n');
    expect(lines.slice(0, 4)).toEqual(['Deleted Containers:', id, '', 'Deleted Images:']);
    expect(lines).toContain(`deleted: ${dangling}`);
    expect(lines.at(-1)).toMatch(/^Total reclaimed space: [\d.]+k?B$/);
    expect((await engine.cli(['image', 'inspect', dangling])).code).toBe(1);
  });

  test('image prune takes dangling images alone, with -a those that no container has; filters spare the rest', async () => {
    const { name, label } = await stopped();
    const tag = `${engine.name('named')}:1`;
    const named = await image(name, tag);
    const prune = (...flags: string[]) => engine.must(['image', 'prune', '-f', ...flags]);
    expect(await prune('--filter', `label=${label}`)).toBe('Total reclaimed space: 0B');
    expect(await prune('-a', '--filter', `label=${label}`, '--filter', 'until=24h')).toBe('Total reclaimed space: 0B');
    expect(await prune('-a', '--filter', `label=${label}`, '--filter', `label!=${label}`)).toBe(
      'Total reclaimed space: 0B',
    );
    const holder = engine.name('holder');
    containers.push(holder);
    await engine.must(['create', '--network', 'none', '--name', holder, tag, 'true']);
    expect(await prune('-a', '--filter', `label=${label}`)).toBe('Total reclaimed space: 0B');
    await engine.remove(holder);
    const lines = (await prune('-a', '--filter', `label=${label}`)).split('\n');
    expect(lines.slice(0, 3)).toEqual(['Deleted Images:', `untagged: ${tag}`, `deleted: ${named}`]);
  });
});
