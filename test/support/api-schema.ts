// The Engine API's reference document as JSON schemas: what a body must look like. Swagger 2 says `x-nullable` where JSON
// schema says null, and does not say that Go writes a nil slice or map as null. Reads the document once. Pure otherwise.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { SHARED } from './need.ts';

export const REFERENCE = join(SHARED, 'reference/docker-engine-api.yaml');

interface Swagger {
  type?: string;
  $ref?: string;
  'x-nullable'?: boolean;
  enum?: unknown[];
  properties?: Record<string, Swagger>;
  additionalProperties?: Swagger | boolean;
  items?: Swagger;
  allOf?: Swagger[];
  required?: string[];
}

type Methods = Record<string, { responses: Record<string, { schema?: Swagger }> }>;

/** an id for references within it; nothing is fetched */
const DOCUMENT = 'https://reference.invalid/engine-api';

export class ApiSchema {
  readonly #definitions: Record<string, Swagger>;
  readonly #paths: Record<string, Methods>;
  readonly #ajv: Ajv2019;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(path = REFERENCE) {
    const document = parse(readFileSync(path, 'utf8')) as {
      definitions: Record<string, Swagger>;
      paths: Record<string, Methods>;
    };
    this.#definitions = document.definitions;
    this.#paths = document.paths;
    this.#ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
    const definitions = Object.fromEntries(
      Object.entries(document.definitions).map(([name, schema]) => [name, this.#convert(schema)]),
    );
    this.#ajv.addSchema({ $id: DOCUMENT, definitions });
  }

  /** Every `GET /containers/{id}/json` that the document has. */
  routes(): string[] {
    return Object.entries(this.#paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** Whether the document has this answer of this route. */
  knows(route: string, status: number): boolean {
    return this.#response(route, status) !== undefined;
  }

  /** What is wrong with a body, a line each: a field of the wrong type, one that is missing, one that the document does not have. */
  faults(route: string, status: number, body: unknown): string[] {
    const schema = this.#response(route, status)?.schema;
    if (schema === undefined) return [];
    const key = `${route} ${status}`;
    const validate = this.#compiled.get(key) ?? this.#ajv.compile(this.#site(schema));
    this.#compiled.set(key, validate);
    if (validate(body)) return [];
    // That a value is not null is no news, when what else it may be is told too.
    const told = validate.errors!.filter(({ keyword, params }) => keyword !== 'anyOf' && params.type !== 'null');
    return told.map(({ instancePath, message, params }) => {
      const { unevaluatedProperty: field, allowedValues } = params as Record<string, unknown>;
      if (field !== undefined) return `${instancePath}/${String(field)} is unknown`;
      return `${instancePath || '/'} ${message}${allowedValues ? `: ${JSON.stringify(allowedValues)}` : ''}`;
    });
  }

  #response(route: string, status: number): { schema?: Swagger } | undefined {
    const [method = '', path = ''] = route.split(' ');
    return this.#paths[path]?.[method.toLowerCase()]?.responses[status];
  }

  /** A schema where a value stands: fields that it does not name are faults. */
  #site(schema: Swagger): object {
    const converted = this.#convert(schema);
    const closed = this.#isClosed(schema) ? { ...converted, unevaluatedProperties: false } : converted;
    return this.#isNullable(schema) ? { anyOf: [{ type: 'null' }, closed] } : closed;
  }

  #convert(schema: Swagger): object {
    if (schema.$ref !== undefined) return { $ref: `${DOCUMENT}${schema.$ref}` };
    const { type, properties, additionalProperties, items, allOf, required } = schema;
    return {
      ...(type !== undefined && { type }),
      ...(schema.enum && { enum: schema.enum }),
      ...(required && { required }),
      ...(properties && { properties: mapValues(properties, (each) => this.#site(each)) }),
      ...(typeof additionalProperties === 'object' && { additionalProperties: this.#site(additionalProperties) }),
      ...(items && { items: this.#site(items) }),
      ...(allOf && { allOf: allOf.map((each) => this.#convert(each)) }),
    };
  }

  #resolve(schema: Swagger): Swagger {
    return schema.$ref === undefined ? schema : this.#resolve(this.#definitions[schema.$ref.split('/').at(-1)!]!);
  }

  #isClosed(schema: Swagger): boolean {
    const { properties, allOf, additionalProperties } = this.#resolve(schema);
    return (properties !== undefined || allOf !== undefined) && additionalProperties === undefined;
  }

  #isNullable(schema: Swagger): boolean {
    const resolved = this.#resolve(schema);
    return (
      schema['x-nullable'] === true ||
      resolved['x-nullable'] === true ||
      resolved.allOf !== undefined ||
      ['array', 'object'].includes(resolved.type ?? '')
    );
  }
}

function mapValues<A, B>(object: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
