import { Worker } from 'node:worker_threads';
import { CpnsError } from '@cpns/shared';

interface Waiting<Task, Answer> {
  readonly task: Task;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that share out tasks among themselves: each runs `module`, which answers one message with one. */
export class Workers<Task, Answer> {
  readonly #all: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: Waiting<Task, Answer>[] = [];
  readonly #busy = new Map<Worker, Waiting<Task, Answer>>();

  constructor(module: URL, count: number) {
    for (let i = 0; i < count; i++) {
      const worker = new Worker(module);
      worker.on('message', (answer: Answer) => this.#done(worker, answer));
      worker.on('error', (cause) => {
        this.#busy.get(worker)?.reject(new CpnsError('Internal', 'WorkerLost', 'A thread of the rig has ended.', { cause }));
      });
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** The first asked for is the first begun. */
  run(task: Task): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #next(): void {
    const worker = this.#idle.at(-1);
    const waiting = worker && this.#waiting.shift();
    if (worker === undefined || waiting === undefined) return;
    this.#idle.pop();
    this.#busy.set(worker, waiting);
    worker.postMessage(waiting.task);
  }

  #done(worker: Worker, answer: Answer): void {
    this.#busy.get(worker)?.resolve(answer);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    this.#next();
  }
}
