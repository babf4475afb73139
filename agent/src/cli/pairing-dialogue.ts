import { CpnsError } from '@cpns/shared';
import { isInteractive, plural } from '@cpns/shared/node';
import { renderUnicodeCompact } from 'uqr';
import type { PairAnswerParams, PairingCodeEvent, PairingEvent, PairingResult } from '../control/api/pairing.js';
import type { ControlClient } from '../control/control-client.js';
import { askLine, PipedLines } from './ask.js';
import type { CommandContext } from './command-context.js';
import { bigDigits } from './text/big-digits.js';
import { minutes } from './text/durations.js';

type Answer = PairAnswerParams['answer'];

/**
 * One pairing at this terminal: shows what happens and gets the person's answer. Whoever compares the codes is what makes pairing
 * safe, so at a keyboard the other device's code must be typed; only input that is no terminal may simply say "yes".
 */
export class PairingDialogue {
  readonly #context: CommandContext;
  readonly #yes: boolean;
  #piped: PipedLines | undefined;
  /** Ends the question that is open. */
  #asking = new AbortController();

  constructor(context: CommandContext, yes: boolean) {
    this.#context = context;
    this.#yes = yes;
  }

  /** @throws CpnsError as the control API, and State/Aborted when the person stops */
  async run(
    client: ControlClient,
    start: (onEvent: (event: PairingEvent) => void, signal: AbortSignal) => Promise<PairingResult>,
  ): Promise<PairingResult> {
    const stop = new AbortController();
    const onEvent = (event: PairingEvent) => {
      this.#show(event);
      if (event.type === 'attempt-failed') this.#endQuestion();
      if (event.type === 'code') this.#answer(client, event).catch((error: unknown) => stop.abort(error));
    };
    try {
      return await start(onEvent, AbortSignal.any([this.#context.signal, stop.signal]));
    } finally {
      this.#endQuestion();
      this.#piped?.close();
    }
  }

  #endQuestion(): void {
    this.#asking.abort(new CpnsError('State', 'AttemptOver', 'The attempt is over.'));
  }

  async #answer(client: ControlClient, event: PairingCodeEvent): Promise<void> {
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    let answer: Answer;
    try {
      answer = await this.#ask(event, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const { accepted } = await client.request('pair.answer', { attempt: event.attempt, answer }).catch((error: CpnsError) => {
      // The attempt ended while the person was typing; what became of it is told by an event.
      if (error.code === 'NoSuchAttempt') return { accepted: true };
      throw error;
    });
    if (!accepted && answer.type === 'code') this.#context.report.progress('That is not the same code: this attempt was refused.');
  }

  async #ask({ peer, closesInMs }: PairingCodeEvent, signal: AbortSignal): Promise<Answer> {
    if (this.#yes) return { type: 'yes' };
    const { terminal, clock } = this.#context;
    if (!isInteractive(terminal)) return this.#fromPipe();
    for (;;) {
      const answer = typedAnswer(await askLine(terminal, clock, `Type the code that ${peer} shows, or "no"`, closesInMs, signal));
      if (answer !== undefined) return answer;
    }
  }

  async #fromPipe(): Promise<Answer> {
    this.#piped ??= new PipedLines(this.#context.terminal);
    const line = await this.#piped.next();
    if (line === undefined) {
      this.#context.report.progress('Nobody can compare the codes here, so this is a no. Pair by link instead: cpns-agent pair --link');
      return { type: 'no' };
    }
    return /^y(es)?$/i.test(line.trim()) ? { type: 'yes' } : (typedAnswer(line) ?? { type: 'no' });
  }

  #show(event: PairingEvent): void {
    const { report } = this.#context;
    switch (event.type) {
      case 'window':
        return report.progress(`Pairing is open for ${minutes(event.closesInMs)}, ${plural(event.attemptsLeft, 'attempt')} left.`);
      case 'link':
        report.item({ link: event.link, closesInMs: event.closesInMs }, event.link);
        if (!report.json) for (const line of renderUnicodeCompact(event.link).split('\n')) report.progress(line);
        return report.progress(`Take this link on the other device within ${minutes(event.closesInMs)}: cpns-agent pair LINK`);
      case 'found':
        return report.progress(`Found ${event.peer} (${event.technology}), which wants to pair.`);
      case 'step':
        return report.progress(`${event.step} of ${event.of}: ${event.text}`);
      case 'code':
        return this.#showCode(event);
      case 'confirmed':
        return report.progress(event.at === 'here' ? 'Confirmed here; waiting for the other device.' : 'The other device confirmed.');
      case 'attempt-failed':
        return report.progress(`This attempt failed: ${event.reason} ${plural(event.attemptsLeft, 'attempt')} left.`);
    }
  }

  #showCode({ peer, code, replaces, closesInMs }: PairingCodeEvent): void {
    const lines = ['', `${peer} must show the same code:`, '', ...bigDigits(code), '', `Closes in ${minutes(closesInMs)}.`];
    if (replaces) lines.push(`${peer} is paired already; a yes replaces that pairing.`);
    for (const line of lines) this.#context.report.progress(line);
  }
}

/** Six digits, however grouped, or a no. */
function typedAnswer(line: string): Answer | undefined {
  const typed = line.replace(/[\s-]/g, '').toLowerCase();
  if (typed === 'no' || typed === 'n') return { type: 'no' };
  return /^\d{6}$/.test(typed) ? { type: 'code', code: typed } : undefined;
}
