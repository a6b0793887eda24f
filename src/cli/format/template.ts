// Runs a parsed Go template over a value: a Struct (named fields, as Docker's formatter types) or plain JSON.
// Texts of errors are Go's. Pure; runs in the CLI. pkg.go.dev/text/template.

import { basicFunctions, isTrue, show, type TemplateFunction } from './template-functions.ts';
import { parseTemplate, TemplateError, type Expression, type Node, type Pipe } from './template-parse.ts';

/** A value with the fields of a Go type: a field that it lacks is an error that names the type. */
export class Struct {
  readonly type: string;
  readonly fields: Record<string, (...parameters: never[]) => unknown>;

  constructor(type: string, fields: Record<string, (...parameters: never[]) => unknown>) {
    this.type = type;
    this.fields = fields;
  }

  /** As Docker's formatters do it: methods without parameters, sorted by name. */
  toJSON(): Record<string, unknown> {
    const names = Object.keys(this.fields)
      .filter((name) => this.fields[name]!.length === 0)
      .sort();
    return Object.fromEntries(names.map((name) => [name, this.fields[name]!()]));
  }
}

export interface TemplateOptions {
  functions?: Record<string, TemplateFunction>;
  /** a key that a map lacks: an error, or `<no value>` (the default) */
  missingKey?: 'error' | 'none';
  /** what a key is that a document leaves out or gives as null: how it prints, and its value where it is absent */
  absent?: Record<string, unknown>;
}

/** A template that has been read and can be run many times. */
export interface Template {
  run(data: unknown, options?: TemplateOptions): string;
}

/**
 * @param name what errors call it: `template: NAME:1: …`
 * @throws Error with Go's text
 */
export function compileTemplate(source: string, name = ''): Template {
  const named = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new Error(`template: ${name}:${error.message.replace('executing ""', `executing "${name}"`)}`, {
        cause: error,
      });
    }
  };
  const nodes = named(() => parseTemplate(source, new Set(Object.keys(basicFunctions))));
  return {
    run: (data, options = {}) => {
      const state = new Run(source, data, options);
      named(() => state.nodes(nodes, data));
      return state.out;
    },
  };
}

class Stop {
  readonly kind: 'break' | 'continue';
  constructor(kind: 'break' | 'continue') {
    this.kind = kind;
  }
}

class Run {
  out = '';
  private variables: { name: string; value: unknown }[];
  private readonly source: string;
  private readonly functions: Record<string, TemplateFunction>;
  private readonly options: TemplateOptions;

  constructor(source: string, data: unknown, options: TemplateOptions) {
    this.source = source;
    this.functions = { ...basicFunctions, ...options.functions };
    this.options = options;
    this.variables = [{ name: '$', value: data }];
  }

  nodes(list: Node[], dot: unknown): void {
    const mark = this.variables.length;
    for (const node of list) this.node(node, dot);
    this.variables.length = mark;
  }

  private node(node: Node, dot: unknown): void {
    if (node.kind === 'text') this.out += node.text;
    else if (node.kind === 'action') {
      const value = this.pipe(node.pipe, dot);
      if (node.pipe.declare.length === 0) this.out += show(value ?? this.nothing(node.pipe, value));
    } else if (node.kind === 'break' || node.kind === 'continue') throw new Stop(node.kind);
    else if (node.kind === 'range') this.range(node, dot);
    else {
      const mark = this.variables.length;
      const value = this.pipe(node.pipe, dot);
      const inner = node.kind === 'with' ? value : dot;
      if (isTrue(value)) this.nodes(node.body, inner);
      else this.nodes(node.otherwise, dot);
      this.variables.length = mark;
    }
  }

  /** A null prints as its kind does: an empty list `[]`, an empty map `map[]`, a pointer `<nil>`. */
  private nothing(pipe: Pipe, value: unknown): unknown {
    const word = pipe.commands.at(-1)!.words[0]!;
    const name = word.kind === 'field' ? word.fields.at(-1)! : '';
    const { absent } = this.options;
    return absent && value === null && Object.hasOwn(absent, name) ? absent[name] : value;
  }

  private range(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: unknown): void {
    const mark = this.variables.length;
    const value = this.pipe({ ...node.pipe, declare: [] }, dot);
    const pairs = pairsOf(value);
    if (pairs === undefined) this.fail(node.pipe.commands[0]!.words[0]!, `range can't iterate over ${show(value)}`);
    for (const [key, item] of pairs ?? []) {
      const [first, second] = node.pipe.declare;
      if (first && second) this.variables.push({ name: first, value: key }, { name: second, value: item });
      else if (first) this.variables.push({ name: first, value: item });
      try {
        this.nodes(node.body, item);
      } catch (stop) {
        if (!(stop instanceof Stop)) throw stop;
        if (stop.kind === 'break') break;
      } finally {
        this.variables.length = mark;
      }
    }
    if (pairs?.length === 0) this.nodes(node.otherwise, dot);
  }

  private pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown;
    for (const [index, command] of pipe.commands.entries()) {
      const [head, ...rest] = command.words;
      const before = index > 0 ? [value] : [];
      const parameters = () => [...rest.map((word) => this.value(word, dot)), ...before];
      if (head!.kind === 'function') {
        const text = command.words.map((word) => word.text).join(' ');
        value = this.call({ ...head!, text }, parameters());
      } else if (rest.length > 0 || before.length > 0) value = this.method(head!, dot, parameters());
      else value = this.value(head!, dot);
    }
    for (const name of pipe.declare) {
      const known = this.variables.findLast((variable) => variable.name === name);
      if (pipe.assign && known) known.value = value;
      else this.variables.push({ name, value });
    }
    return value;
  }

  private call(word: Expression & { kind: 'function' }, parameters: unknown[]): unknown {
    try {
      return this.functions[word.name]!(...parameters);
    } catch (error) {
      return this.fail(word, `error calling ${word.name}: ${(error as Error).message}`);
    }
  }

  private method(word: Expression, dot: unknown, parameters: unknown[]): unknown {
    if (word.kind === 'field' && dot instanceof Struct && word.fields.length === 1) {
      const field = dot.fields[word.fields[0]!];
      if (field && field.length === parameters.length) return field(...(parameters as never[]));
    }
    return this.fail(word, `can't give argument to non-function ${word.text}`);
  }

  private value(word: Expression, dot: unknown): unknown {
    switch (word.kind) {
      case 'literal':
        return word.value;
      case 'dot':
        return dot;
      case 'field':
        return this.fields(word, dot, word.fields);
      case 'variable': {
        const known = this.variables.findLast((variable) => variable.name === word.name);
        if (!known) throw new TemplateError(`1: undefined variable ${JSON.stringify(word.name)}`);
        return this.fields(word, known.value, word.fields);
      }
      case 'function':
        return this.call(word, []);
      case 'chain':
        return this.fields(word, this.value(word.base, dot), word.fields);
      case 'pipe':
        return this.pipe(word.pipe, dot);
      default:
        return word satisfies never;
    }
  }

  private fields(word: Expression, start: unknown, names: string[]): unknown {
    let value = start;
    for (const name of names) value = this.field(word, value, name);
    return value;
  }

  private field(word: Expression, value: unknown, name: string): unknown {
    if (value instanceof Struct) {
      const field = value.fields[name];
      if (!field) return this.fail(word, `can't evaluate field ${name} in type ${value.type}`);
      return field();
    }
    if (value === null || value === undefined) {
      if (this.options.missingKey === 'error') return this.fail(word, `nil pointer evaluating interface {}.${name}`);
      return undefined;
    }
    if (typeof value !== 'object' || Array.isArray(value)) {
      return this.fail(word, `can't evaluate field ${name} in type ${typeName(value)}`);
    }
    const map = value as Record<string, unknown>;
    const key = Object.hasOwn(map, name) ? name : sameName(map, name);
    if (key === undefined && this.options.absent && Object.hasOwn(this.options.absent, name)) {
      return this.options.absent[name];
    }
    if (key === undefined && this.options.missingKey === 'error') {
      return this.fail(word, `map has no entry for key ${JSON.stringify(name)}`);
    }
    return key === undefined ? undefined : map[key];
  }

  private fail(word: Expression, message: string): never {
    const line = this.source.slice(0, word.at).split('\n');
    const place = `${line.length}:${line.at(-1)!.length}`;
    throw new TemplateError(`${place}: executing "" at <${word.text}>: ${message}`);
  }
}

/** Docker's templates name the Go field (`.ID`, `.NanoCPUs`), the JSON has its own spelling (`Id`, `NanoCpus`). */
function sameName(map: Record<string, unknown>, name: string): string | undefined {
  const lower = name.toLowerCase();
  return Object.keys(map).find((key) => key.toLowerCase() === lower);
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  return typeof value === 'number' ? 'json.Number' : typeof value === 'boolean' ? 'bool' : 'string';
}

function pairsOf(value: unknown): [unknown, unknown][] | undefined {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  if (typeof value !== 'object' || value instanceof Struct) return undefined;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
