import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CpnsError } from '@cpns/shared';

/** Something that must not outlive the process that made it. Namespaces are network namespaces of Linux. */
export type Kept =
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'namespace'; readonly name: string }
  | { readonly kind: 'directory'; readonly path: string };

export type KeeperOrder = { readonly do: 'keep' | 'forget'; readonly what: Kept };

/**
 * A process of its own that clears up when this one ends, in whatever way: it waits for the end of its standard input, ends the processes
 * that are left, and removes namespaces and directories. An orderly end takes the same road.
 */
export class Keeper {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #closed = false;

  /** `main`: the compiled program of the keeper. */
  constructor(main: string = fileURLToPath(new URL('./keeper-main.js', import.meta.url))) {
    // A group of its own, so that Ctrl-C at the terminal does not reach it.
    this.#child = spawn(process.execPath, [main], { stdio: ['pipe', 'ignore', 'inherit'], detached: true, windowsHide: true });
    this.#child.stdin?.on('error', () => {});
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** Nothing is begun that nobody would end. @throws CpnsError State/Ending */
  requireOpen(): void {
    if (this.#closed) throw new CpnsError('State', 'Ending', 'Everything is being ended; nothing new is started.');
  }

  keep(what: Kept): void {
    this.#order({ do: 'keep', what });
  }

  /** It is gone already. */
  forget(what: Kept): void {
    this.#order({ do: 'forget', what });
  }

  /** Clears up what is left; resolves when that is done. Harmless when repeated. */
  close(): Promise<void> {
    this.#closed = true;
    this.#child.stdin?.end();
    return this.#ended;
  }

  #order(order: KeeperOrder): void {
    if (!this.#closed) this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}
