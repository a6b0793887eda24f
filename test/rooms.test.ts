// The rooms of src and the arrows between them: every import is one that docs/architecture.md allows. Parses, runs nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { PROJECT } from './support/need.ts';

const SRC = join(PROJECT, 'src');

/** room → rooms that it may import. A program (src/x.ts) is where rooms are wired together. */
const ARROWS: Record<string, string[]> = {
  base: [],
  native: ['base'],
  content: ['base'],
  registry: ['base', 'content'],
  snapshot: ['base', 'content', 'native'],
  network: ['base', 'native'],
  rootless: ['base', 'native'],
  runtime: ['base', 'native'],
  build: ['base', 'content', 'snapshot'],
  engine: ['base', 'native', 'content', 'registry', 'snapshot', 'network', 'rootless', 'runtime', 'build'],
  api: ['base'],
  compose: ['base', 'api/client'],
  // The CLI reads references as the registry does, the frames that the client gets, the archives of `cp`, .dockerignore and
  // Dockerfiles, and writes the archives that it sends: pure code of other rooms.
  cli: [
    'base',
    'api/client',
    'api/demultiplex',
    'build/ignore',
    'build/lint',
    'registry/reference',
    'snapshot/tar/entry',
    'snapshot/tar/reader',
    'snapshot/tar/writer',
    'compose',
  ],
  punnet: ['base', 'cli'],
  punnetd: ['base', 'rootless', 'engine', 'api', 'runtime', 'native'],
  'punnet-runc': ['runtime', 'native'],
};

/** Types, and nothing else, may also cross here: the interface that the consumer declares, and the bodies it speaks of. */
const TYPE_ARROWS: Record<string, string[]> = {
  engine: ['api/backend', 'api/types'],
  cli: ['api/types'],
};

/** What a room may never use of Node itself. */
const NEVER: Record<string, RegExp> = {
  base: /^node:(child_process|net|http|https|tls|dgram|worker_threads)$/,
  content: /^node:(child_process|net|http|https|tls|dgram)$/,
  snapshot: /^node:(net|http|https|tls|dgram)$/,
  registry: /^node:(child_process)$/,
  runtime: /^node:(net|http|https|tls|dgram)$/,
  cli: /^node:(http|https|tls|dgram)$/,
};

interface Arrow {
  /** relative to src */
  file: string;
  specifier: string;
  typeOnly: boolean;
}

function arrowsOf(file: string, text: string): Arrow[] {
  const found: Arrow[] = [];
  const add = (node: ts.Expression | undefined, typeOnly: boolean) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ file, specifier: node.text, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      const named = clause?.namedBindings;
      const allTypes =
        !clause?.name && named && ts.isNamedImports(named) && named.elements.every((element) => element.isTypeOnly);
      add(node.moduleSpecifier, Boolean(clause?.isTypeOnly ?? false) || Boolean(allTypes));
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal as ts.StringLiteral, true);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  return found;
}

const room = (path: string) => path.split('/')[0]!.replace(/\.ts$/, '');
const module = (path: string) => path.replace(/\.ts$/, '');

/** Why this arrow is not in the table, or undefined. */
function forbidden({ file, specifier, typeOnly }: Arrow): string | undefined {
  const from = room(file);
  const allowed = ARROWS[from];
  if (!allowed) return `${file}: room ${from} is not in the table`;
  if (specifier.startsWith('node:')) {
    return NEVER[from]?.test(specifier) && !typeOnly ? `${file} may not use ${specifier}` : undefined;
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = relative(SRC, resolve(join(SRC, dirname(file)), specifier));
  if (target.startsWith('..'))
    return target === '../package.json' ? undefined : `${file} reaches out of src: ${specifier}`;
  const to = room(target);
  if (to === from || allowed.includes(to) || allowed.includes(module(target))) return undefined;
  if (typeOnly && TYPE_ARROWS[from]?.includes(module(target))) return undefined;
  return `${file} may not import ${target}`;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const arrows = files.flatMap((file) => arrowsOf(file, readFileSync(join(SRC, file), 'utf8')));

test('every import is an arrow that the table of rooms has', () => {
  expect(arrows.length).toBeGreaterThan(0);
  expect(arrows.map(forbidden).filter(Boolean)).toEqual([]);
});

test('an arrow that the table does not have is found, in every form of import', () => {
  const text = `
    import { x } from '../engine/daemon.ts';
    export { y } from '../engine/daemon.ts';
    await import('../engine/daemon.ts');
    import type { Z } from '../engine/daemon.ts';
    type T = import('../engine/daemon.ts').T;
    import 'node:fs';
  `;
  expect(arrowsOf('content/x.ts', text).map(forbidden).filter(Boolean)).toHaveLength(5);
  expect(arrowsOf('engine/x.ts', `import type { Backend } from '../api/backend.ts'`).map(forbidden)).toEqual([
    undefined,
  ]);
  expect(arrowsOf('engine/x.ts', `import { Backend } from '../api/backend.ts'`).map(forbidden)).not.toEqual([
    undefined,
  ]);
});

test('no file only passes on what others export', () => {
  const barrels = files.filter((file) => {
    const source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.ES2022, true);
    return (
      source.statements.length > 0 && source.statements.every((s) => ts.isExportDeclaration(s) && s.moduleSpecifier)
    );
  });
  expect(barrels).toEqual([]);
});

test('every file of src opens by saying what it does', () => {
  const silent = files.filter((file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(silent).toEqual([]);
});
