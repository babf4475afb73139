/** What is told of a run while it is under way. */
export interface BenchmarkRun {
  /** The same code with few rounds: shows that everything works; the figures mean little. */
  readonly smoke: boolean;
  /** Aborted when somebody wants the end. */
  readonly signal: AbortSignal;
  /** One sentence for people about what is done now. */
  say(sentence: string): void;
}

/** A table for people: heads, then rows of as many cells. */
export interface Table {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Outcome<Figures> {
  readonly tables: readonly Table[];
  /** What a reader must know to read the figures: what was set, what was counted. One sentence each. */
  readonly notes: readonly string[];
  /** One flat object; its keys are fixed. */
  readonly figures: Figures;
}

/** One benchmark of `npm run bench`. Compares within one run; medians. */
export interface Benchmark<Figures extends object = object> {
  readonly name: string;
  /** What it measures, in one line. */
  readonly title: string;
  /** The figures' names, and what each means with its unit. */
  readonly figures: Readonly<Record<keyof Figures & string, string>>;
  /** @throws CpnsError; nothing that it started stays then */
  run(run: BenchmarkRun): Promise<Outcome<Figures>>;
}
