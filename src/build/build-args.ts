// Build arguments: what `--build-arg` gives, what ARG declares, what is there without either. Pure. Runs in the daemon.
// Dockerfile reference, "ARG"; moby: daemon/builder/dockerfile/buildargs.go

/** Taken without being declared, and never part of an image or its history. */
const PREDEFINED = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
);

export interface BuildPlatform {
  os: string;
  architecture: string;
  variant?: string;
}

/** `TARGETPLATFORM`, `BUILDARCH` and the like: there for FROM, and for a stage that declares them. */
export function platformArgs(target: BuildPlatform, build: BuildPlatform): Record<string, string> {
  const args: Record<string, string> = {};
  for (const [prefix, { os, architecture, variant = '' }] of Object.entries({ TARGET: target, BUILD: build })) {
    args[`${prefix}PLATFORM`] = [os, architecture, variant].filter(Boolean).join('/');
    args[`${prefix}OS`] = os;
    args[`${prefix}ARCH`] = architecture;
    args[`${prefix}VARIANT`] = variant;
  }
  return args;
}

/** The arguments of one build: those from outside, and those before the first FROM. */
export class BuildArgs {
  readonly #given: ReadonlyMap<string, string>;
  readonly #platform: Record<string, string>;
  readonly #global = new Map<string, string | undefined>();
  readonly #used = new Set<string>();

  constructor(given: Record<string, string>, platform: Record<string, string>) {
    this.#given = new Map(Object.entries(given));
    this.#platform = platform;
  }

  /** ARG before the first FROM. */
  declareGlobal(name: string, value: string | undefined): void {
    this.#used.add(name);
    this.#global.set(name, this.#given.get(name) ?? value);
  }

  /** For the words of FROM, and of ARGs before it. */
  globalValue(name: string): string | undefined {
    if (this.#global.has(name)) return this.#global.get(name);
    return this.#platform[name];
  }

  /** What one stage sees of them. */
  stage(): StageArgs {
    return new StageArgs({
      given: (name) => this.#given.get(name),
      fallback: (name) => this.globalValue(name),
      use: (name) => this.#used.add(name),
    });
  }

  /** A value that the builder itself asks for, declared or not: SOURCE_DATE_EPOCH. */
  given(name: string): string | undefined {
    this.#used.add(name);
    return this.#given.get(name);
  }

  /** Names that were given, and that nothing declared. */
  unused(): string[] {
    return [...this.#given.keys()].filter((name) => !this.#used.has(name) && !PREDEFINED.has(name)).sort();
  }
}

interface Outer {
  given(name: string): string | undefined;
  fallback(name: string): string | undefined;
  use(name: string): void;
}

export class StageArgs {
  readonly #outer: Outer;
  readonly #declared = new Map<string, string | undefined>();

  constructor(outer: Outer) {
    this.#outer = outer;
  }

  /** ARG in this stage. */
  declare(name: string, value: string | undefined): void {
    this.#outer.use(name);
    this.#declared.set(name, value);
  }

  /** undefined: not declared, or without a value */
  value(name: string): string | undefined {
    if (!this.#declared.has(name)) return PREDEFINED.has(name) ? this.#outer.given(name) : undefined;
    return this.#outer.given(name) ?? this.#declared.get(name) ?? this.#outer.fallback(name);
  }

  /** What RUN sees beside the image's environment, which is stronger. */
  environment(env: readonly string[]): Record<string, string> {
    const taken = new Set(env.map((entry) => entry.split('=', 1)[0]!));
    const result: Record<string, string> = {};
    for (const name of new Set([...this.#declared.keys(), ...PREDEFINED])) {
      const value = taken.has(name) ? undefined : this.value(name);
      if (value !== undefined) result[name] = value;
    }
    return result;
  }

  /** Of that environment, what the image's history tells: a proxy makes no other image. */
  recorded(environment: Record<string, string>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(environment).filter(([name]) => this.#declared.has(name) || !PREDEFINED.has(name)),
    );
  }
}
