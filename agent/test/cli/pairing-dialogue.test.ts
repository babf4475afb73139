import { createHash } from 'node:crypto';
import { CpnsError, entityId } from '@cpns/shared';
import jsqr from 'jsqr';
import { describe, expect, it } from 'vitest';
import type { PairAnswerParams, PairingCodeEvent, PairingEvent, PairingResult } from '../../src/control/api/pairing.js';
import type { Progress } from '../../src/control/api/progress.js';
import { cli, startCli } from '../support/cli.js';
import { serveControl } from '../support/control.js';

const phone = entityId('phone-1');
const paired: PairingResult = { peer: phone, technology: 'lan', method: 'code', code: '482913', replaced: false };
const codeEvent: PairingCodeEvent = {
  type: 'code',
  attempt: 1,
  peer: phone,
  technology: 'lan',
  code: '482913',
  replaces: false,
  closesInMs: 110_000,
};

/** An agent whose one attempt waits for the person's answer and follows it. */
function attempt(event: PairingCodeEvent = codeEvent) {
  const answers: PairAnswerParams[] = [];
  let answered: (yes: boolean) => void = () => {};
  const decision = new Promise<boolean>((resolve) => {
    answered = resolve;
  });
  return {
    answers,
    script: {
      openPairing: async (_params: unknown, { emit }: Progress<PairingEvent>) => {
        emit({ type: 'window', closesInMs: 120_000, attemptsLeft: 5 });
        emit({ type: 'found', peer: phone, technology: 'lan' });
        emit(event);
        if (await decision) return paired;
        throw new CpnsError('Auth', 'PairingRefused', 'The codes were not confirmed, so nothing was paired.');
      },
      answerPairing: async (params: PairAnswerParams) => {
        answers.push(params);
        const { answer } = params;
        const accepted = answer.type === 'yes' || (answer.type === 'code' && answer.code === event.code);
        answered(accepted);
        return { accepted };
      },
    },
  };
}

describe('cpns-agent pair at a keyboard', () => {
  it('shows the code big with its countdown and asks for that of the other device', async () => {
    const { script, answers } = attempt();
    const { state } = await serveControl(script);
    const run = startCli(['pair'], { state, interactive: true });
    await run.errors.until('Type the code that phone-1 shows, or "no" (1:50 left): ');
    expect(run.errors.text).toContain('Pairing is open for 2:00, 5 attempts left.');
    expect(run.errors.text).toContain('  █   █  █████  █████     █████    █    █████\n');
    run.type('482 913\r');
    expect(await run.exit).toBe(0);
    expect(answers).toEqual([{ attempt: 1, answer: { type: 'code', code: '482913' } }]);
    expect(run.output.text).toBe('Paired with phone-1.\n');
  });

  it('asks again after a slip, and refuses a wrong code', async () => {
    const { script, answers } = attempt();
    const { state } = await serveControl(script);
    const run = startCli(['pair'], { state, interactive: true });
    await run.errors.until('left): ');
    run.type('yes\r');
    run.type('482914\r');
    expect(await run.exit).toBe(4);
    expect(answers).toEqual([{ attempt: 1, answer: { type: 'code', code: '482914' } }]);
    expect(run.errors.text).toContain('That is not the same code: this attempt was refused.');
    expect(run.errors.text).toContain('cpns-agent: The codes were not confirmed, so nothing was paired.\n');
  });

  it('says that a pairing would be replaced', async () => {
    const { script } = attempt({ ...codeEvent, replaces: true });
    const { state } = await serveControl(script);
    const run = startCli(['pair'], { state, interactive: true });
    await run.errors.until('phone-1 is paired already; a yes replaces that pairing.');
    await run.errors.until('left): ');
    run.type('no\r');
    expect(await run.exit).toBe(4);
  });

  it('gives up on Ctrl-C, and the agent closes the window', async () => {
    let learned: () => void = () => {};
    const aborted = new Promise<void>((resolve) => {
      learned = resolve;
    });
    const { state } = await serveControl({
      openPairing: (_params, { emit, signal }) => {
        signal.addEventListener('abort', () => learned());
        emit(codeEvent);
        return new Promise(() => {});
      },
    });
    const run = startCli(['pair'], { state, interactive: true });
    await run.errors.until('left): ');
    run.type('\u0003');
    expect(await run.exit).toBe(1);
    await aborted;
  });

  it('stops asking when the attempt is over, and asks again in the next one', async () => {
    let next: () => void = () => {};
    const typed = new Promise<void>((resolve) => {
      next = resolve;
    });
    const { state } = await serveControl({
      openPairing: async (_params, { emit }) => {
        emit(codeEvent);
        emit({ type: 'attempt-failed', code: 'LinkLost', reason: 'The link broke.', attemptsLeft: 4 });
        emit({ ...codeEvent, attempt: 2, code: '000007' });
        await typed;
        return paired;
      },
      answerPairing: async ({ attempt, answer }) => {
        expect({ attempt, answer }).toEqual({ attempt: 2, answer: { type: 'code', code: '000007' } });
        next();
        return { accepted: true };
      },
    });
    const run = startCli(['pair'], { state, interactive: true });
    await run.errors.until('This attempt failed: The link broke. 4 attempts left.');
    run.type('000-007\r');
    expect(await run.exit).toBe(0);
  });
});

describe('cpns-agent pair without a keyboard', () => {
  it.each([
    { input: 'yes\n', answer: { type: 'yes' }, exit: 0 },
    { input: '482913\n', answer: { type: 'code', code: '482913' }, exit: 0 },
    { input: 'no\n', answer: { type: 'no' }, exit: 4 },
    { input: 'perhaps\n', answer: { type: 'no' }, exit: 4 },
    { input: '', answer: { type: 'no' }, exit: 4 },
  ])('takes the answer from standard input: $input', async ({ input, answer, exit }) => {
    const { script, answers } = attempt();
    const { state } = await serveControl(script);
    expect((await cli(['pair'], { state, input })).exit).toBe(exit);
    expect(answers).toEqual([{ attempt: 1, answer }]);
  });

  it('confirms unseen only with --yes, and prints one document', async () => {
    const { script, answers } = attempt();
    const { state } = await serveControl(script);
    const { stdout, exit } = await cli(['pair', '--yes', '--json'], { state });
    expect(exit).toBe(0);
    expect(answers).toEqual([{ attempt: 1, answer: { type: 'yes' } }]);
    expect(JSON.parse(stdout)).toEqual(paired);
  });

  it('carries on when the attempt ended before the answer came', async () => {
    const { state } = await serveControl({
      openPairing: async (_params, { emit }) => {
        emit(codeEvent);
        await new Promise<void>((resolve) => {
          over = resolve;
        });
        return paired;
      },
      answerPairing: () => {
        over();
        return Promise.reject(new CpnsError('State', 'NoSuchAttempt', 'That attempt is over.'));
      },
    });
    let over: () => void = () => {};
    expect((await cli(['pair', '--yes'], { state })).exit).toBe(0);
  });
});

describe('cpns-agent pair with a target', () => {
  it.each([
    { args: ['phone-1'], method: 'pairWithPeer', params: { peer: 'phone-1' } },
    { args: ['[2001:db8::1]:7400', '--timeout', '30'], method: 'pairWithPeer', params: { peer: '[2001:db8::1]:7400', timeoutMs: 30_000 } },
    { args: ['http://192.0.2.1:7400/p#abc'], method: 'takePairingLink', params: { link: 'http://192.0.2.1:7400/p#abc' } },
    { args: ['--link', '--timeout', '120'], method: 'showPairingLink', params: { timeoutMs: 120_000 } },
  ])('chooses the way by what was given: $args', async ({ args, method, params }) => {
    const asked: unknown[] = [];
    const { state } = await serveControl({
      [method]: async (given: unknown) => {
        asked.push(given);
        return paired;
      },
    });
    expect((await cli(['pair', ...args], { state })).exit).toBe(0);
    expect(asked).toEqual([params]);
  });

  const link = `http://192.0.2.1:7400/p#${createHash('sha512').update('x').digest('base64url').slice(0, 80)}`;
  const showing = {
    showPairingLink: async (_params: unknown, { emit }: Progress<PairingEvent>) => {
      emit({ type: 'link', link, closesInMs: 120_000 });
      return { ...paired, method: 'link' as const };
    },
  };

  it('shows a link and a QR code that a camera can read', async () => {
    const { state } = await serveControl(showing);
    const { stdout, stderr } = await cli(['pair', '--link'], { state });
    expect(stdout).toBe(`${link}\nPaired with phone-1.\n`);
    expect(scan(stderr.split('\n').filter((line) => /[█▀▄]/.test(line)))).toBe(link);
  });

  it('prints the link and the result as JSON lines', async () => {
    const { state } = await serveControl(showing);
    const { stdout } = await cli(['pair', '--link', '--json'], { state });
    const [first, second] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toEqual({ link, closesInMs: 120_000 });
    expect(second).toMatchObject({ peer: phone, method: 'link' });
  });
});

/** Decodes a QR code of half blocks, light on dark, as a camera would. */
function scan(lines: readonly string[]): string | undefined {
  const scale = 4;
  const rows = lines.flatMap((line) => [[...line].map((cell) => '█▀'.includes(cell)), [...line].map((cell) => '█▄'.includes(cell))]);
  const width = Math.max(...rows.map((row) => row.length)) * scale;
  const pixels = new Uint8ClampedArray(width * rows.length * scale * 4).fill(255);
  for (let y = 0; y < rows.length * scale; y++) {
    for (let x = 0; x < width; x++) {
      const light = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] ?? false;
      pixels.fill(light ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return jsqr.default(pixels, width, rows.length * scale)?.data;
}
