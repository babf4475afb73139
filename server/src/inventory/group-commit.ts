import { type Clock, CpnsError, describeError, type Logger, toCpnsError } from '@cpns/shared';
import type { Sqlite } from './sqlite.js';

/** Transactions in one commit at most, and how long their work may take before the commit, in milliseconds. */
const MAX_BATCH = 512;
const MAX_BATCH_MS = 20;

/** What one transaction asked for beside its statements. */
interface Effects {
  readonly actions: (() => void)[];
  readonly undos: (() => void)[];
}

interface Job {
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome =
  | { readonly job: Job; readonly kept: true; readonly result: unknown; readonly effects: Effects }
  | { readonly job: Job; readonly kept: false; readonly error: unknown };

export interface GroupCommitOptions {
  readonly sqlite: Sqlite;
  readonly clock: Clock;
  readonly logger: Logger;
  /** False: one commit for each transaction. */
  readonly grouped: boolean;
}

/** Since the start. */
export interface CommitCounts {
  readonly transactions: number;
  /** Times that the disk was waited for. */
  readonly commits: number;
}

/**
 * Runs transactions that arrive together in one BEGIN .. COMMIT, each inside a savepoint of its own. The disk is waited for once per
 * batch, which is what limits a server; meanwhile the next batch gathers by itself, so nothing waits for company.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Job[] = [];
  #scheduled = false;
  #closed = false;
  #effects: Effects | undefined;
  #problem: string | undefined;
  #transactions = 0;
  #commits = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Why the last commit failed, in one sentence; undefined when it went through. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get counts(): CommitCounts {
    return { transactions: this.#transactions, commits: this.#commits };
  }

  /** Resolves with the result of `work` once that is durable. @throws CpnsError State/DatabaseClosed */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed)
        return reject(new CpnsError('State', 'DatabaseClosed', 'The server is stopping: try again when it is back.', { retryable: true }));
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** For `work`: runs `action` once the commit is through. */
  afterCommit(action: () => void): void {
    this.#present().actions.push(action);
  }

  /** For `work`: runs `undo` when nothing of it is kept. */
  onRollback(undo: () => void): void {
    this.#present().undos.push(undo);
  }

  /** Takes no more transactions and finishes those it has. */
  close(): void {
    this.#closed = true;
    while (this.#queue.length > 0) this.#commitBatch();
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commitBatch();
      this.#schedule();
    });
  }

  #commitBatch(): void {
    const { sqlite, clock, grouped } = this.#options;
    const batch = this.#queue.splice(0, grouped ? MAX_BATCH : 1);
    const untilMs = clock.monotonicMs() + MAX_BATCH_MS;
    const outcomes: Outcome[] = [];
    try {
      sqlite.control('BEGIN IMMEDIATE');
      for (const job of batch) {
        if (outcomes.length > 0 && clock.monotonicMs() >= untilMs) break;
        outcomes.push(this.#attempt(job));
      }
      sqlite.control('COMMIT');
    } catch (error) {
      this.#rollBack();
      for (const outcome of outcomes.reverse()) if (outcome.kept) takeBack(outcome.effects);
      this.#problem = toCpnsError(error).message;
      for (const job of batch) job.reject(error);
      return;
    }
    this.#problem = undefined;
    this.#transactions += outcomes.length;
    this.#commits++;
    this.#queue.unshift(...batch.slice(outcomes.length));
    for (const outcome of outcomes) this.#settle(outcome);
  }

  /** @throws what made SQLite give up the whole batch */
  #attempt(job: Job): Outcome {
    const { sqlite } = this.#options;
    const effects: Effects = { actions: [], undos: [] };
    sqlite.control('SAVEPOINT job');
    this.#effects = effects;
    try {
      const result = job.work();
      if (result instanceof Promise)
        throw new CpnsError('Internal', 'AsyncTransaction', 'The work of a transaction must not be asynchronous.');
      sqlite.control('RELEASE job');
      return { job, kept: true, result, effects };
    } catch (error) {
      takeBack(effects);
      if (!sqlite.inTransaction) throw error;
      sqlite.control('ROLLBACK TO job');
      sqlite.control('RELEASE job');
      return { job, kept: false, error };
    } finally {
      this.#effects = undefined;
    }
  }

  #present(): Effects {
    if (this.#effects === undefined) throw new CpnsError('Internal', 'NoTransaction', 'A transaction was used after its end.');
    return this.#effects;
  }

  #settle(outcome: Outcome): void {
    if (!outcome.kept) return outcome.job.reject(outcome.error);
    for (const action of outcome.effects.actions) {
      try {
        action();
      } catch (error) {
        this.#options.logger.error('what follows a commit failed', { error: describeError(error) });
      }
    }
    outcome.job.resolve(outcome.result);
  }

  #rollBack(): void {
    try {
      if (this.#options.sqlite.inTransaction) this.#options.sqlite.control('ROLLBACK');
    } catch (error) {
      this.#options.logger.error('a transaction could not be rolled back', { error: describeError(error) });
    }
  }
}

function takeBack({ undos }: Effects): void {
  for (const undo of undos.reverse()) undo();
}
