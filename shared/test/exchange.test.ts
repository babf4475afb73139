import { describe, expect, it } from 'vitest';
import { CpnsError } from '../src/errors.js';
import { acknowledged, Exchange, LONGEST_REQUEST_MS, reply } from '../src/exchange.js';
import { entityId } from '../src/ids.js';
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../src/messages/frame.js';
import { ack, heartbeat, heartbeatAnswer, pending, refusal } from '../src/messages/link.js';
import { Status } from '../src/messages/status.js';
import { InsecureSeededEntropy } from '../src/testing/seeded-entropy.js';
import { VirtualClock } from '../src/testing/virtual-clock.js';

const question = { serverTimeMs: 1, pns: [], sgs: [], serverKeysHash: new Uint8Array(32) };

/** Two exchanges; `b` does with every envelope what `onB` says. */
function conversation(onB: (envelope: Envelope, b: Exchange<string>) => void) {
  const clock = new VirtualClock();
  const sent: Envelope[] = [];
  const a: Exchange<string> = new Exchange({
    clock,
    entropy: new InsecureSeededEntropy('a'),
    self: '',
    transmit: (octets) => {
      const envelope = decodeEnvelope(octets);
      sent.push(envelope);
      clock.after(1, () => onB(envelope, b));
    },
  });
  const answers: Envelope[] = [];
  const b: Exchange<string> = new Exchange({
    clock,
    entropy: new InsecureSeededEntropy('b'),
    self: entityId('pne-1'),
    transmit: (octets) => {
      const envelope = decodeEnvelope(octets);
      answers.push(envelope);
      clock.after(1, () => a.settle(envelope, 'way'));
    },
  });
  const ask = (options: { timeoutMs?: number; signal?: AbortSignal; repeat?: boolean } = {}) =>
    a.request(heartbeat, question, [heartbeatAnswer], 'way', { timeoutMs: 5_000, ...options });
  return { clock, a, b, sent, answers, ask };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error) => (error instanceof CpnsError ? error.code : String(error)),
  );

describe('an exchange', () => {
  it('brings the answer of a request', async () => {
    const { clock, ask } = conversation((envelope, b) => void b.serve(envelope, 'way', async () => reply(heartbeatAnswer, { counts: [] })));
    const answer = await clock.run(ask());
    expect(answer).toMatchObject({ type: heartbeatAnswer, body: { counts: [] }, sender: 'pne-1' });
  });

  it.each([
    ['is withdrawn', (b: Exchange<string>, { transaction }: Envelope) => b.withdraw(transaction)],
    ['can be answered no more', (b: Exchange<string>) => b.close(new CpnsError('Transport', 'LinkLost', 'Lost.'))],
  ])('tells whoever works on a request that it %s', async (_what, unwanted) => {
    let signal: AbortSignal | undefined;
    const { clock, b, sent, ask } = conversation((envelope, other) => {
      void other.serve(envelope, 'way', (given) => {
        signal = given;
        return new Promise(() => {});
      });
    });
    void code(ask());
    await clock.advance(1_000);
    b.withdraw(new Uint8Array(16));
    expect(signal?.aborted).toBe(false);
    unwanted(b, sent[0] as Envelope);
    expect(signal?.aborted).toBe(true);
  });

  it('gives up when no answer comes', async () => {
    const { clock, ask } = conversation(() => {});
    expect(await clock.run(code(ask()))).toBe('NoAnswer');
  });

  it('waits as long as the other side says pending', async () => {
    const { clock, ask, answers } = conversation((envelope, b) => {
      void b.serve(
        envelope,
        'way',
        () => new Promise((resolve) => clock.after(20_000, () => resolve(reply(heartbeatAnswer, { counts: [] })))),
      );
    });
    expect(await clock.run(code(ask()))).toBe('done');
    expect(answers.filter((envelope) => envelope.number === pending.number)).toHaveLength(9);
  });

  it('ends with the status of a refusal', async () => {
    const { clock, ask } = conversation((envelope, b) => {
      b.serve(envelope, 'way', async () => {
        throw new CpnsError('State', 'Full', 'Full.', { status: Status.Busy });
      }).catch(() => {});
    });
    await expect(clock.run(ask())).rejects.toMatchObject({ code: 'Refused', status: Status.Busy, retryable: true });
  });

  it('tells a peer no more than a coarse status of an unexpected error', async () => {
    const { clock, ask, answers } = conversation((envelope, b) => {
      b.serve(envelope, 'way', async () => {
        throw new Error('the database is on fire');
      }).catch(() => {});
    });
    await clock.run(code(ask()));
    expect(answers.map((envelope) => [envelope.number, refusal.body.decode(envelope.body, 'body').status])).toEqual([
      [refusal.number, Status.ServerError],
    ]);
  });

  it('does a repeated request once and answers it twice', async () => {
    let done = 0;
    const { clock, ask, answers } = conversation((envelope, b) => {
      const handle = async () => {
        done++;
        return reply(heartbeatAnswer, { counts: [] });
      };
      void b.serve(envelope, 'way', handle).then(() => b.serve(envelope, 'way', handle));
    });
    await clock.run(ask());
    await clock.advance(10);
    expect(done).toBe(1);
    expect(answers).toHaveLength(2);
    expect(answers[0]?.octets).toEqual(answers[1]?.octets);
  });

  it('refuses another request under the same transaction id', async () => {
    const { clock, b, answers } = conversation(() => {});
    const transaction = new Uint8Array(16).fill(1);
    const first = decodeEnvelope(encodeOf(transaction, 1));
    const second = decodeEnvelope(encodeOf(transaction, 2));
    await b.serve(first, 'way', async () => acknowledged);
    await b.serve(second, 'way', async () => acknowledged);
    await clock.advance(5);
    expect(answers.map((envelope) => envelope.number)).toEqual([ack.number, refusal.number]);
  });

  it('sends again with the same transaction id while it waits, when told to', async () => {
    const { clock, sent, ask } = conversation(() => {});
    expect(await clock.run(code(ask({ repeat: true, timeoutMs: 10_000 })))).toBe('NoAnswer');
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sent.map((envelope) => envelope.octets.join()))).toHaveLength(1);
  });

  it('ends with its signal, and with what closes it', async () => {
    const { clock, a, ask } = conversation(() => {});
    const controller = new AbortController();
    const aborted = code(ask({ signal: controller.signal }));
    controller.abort(new CpnsError('State', 'Stopped', 'Stopped.'));
    expect(await clock.run(aborted)).toBe('Stopped');
    const waiting = code(ask());
    a.close(new CpnsError('Transport', 'LinkLost', 'Lost.'));
    expect(await clock.run(waiting)).toBe('LinkLost');
    expect(await clock.run(code(ask()))).toBe('LinkLost');
    await clock.advance(10);
    expect(clock.pending).toBe(0);
  });

  it('takes no answer of a kind that was not asked for, and none twice', async () => {
    const { clock, a, ask, sent } = conversation(() => {});
    const waiting = code(ask());
    const { transaction } = sent[0] as Envelope;
    expect(a.settle(decodeEnvelope(encodeOf(transaction, 1)), 'way')).toBe(false);
    const wrong = decodeEnvelope(encodeAck(transaction));
    expect(a.settle(wrong, 'way')).toBe(false);
    expect(await clock.run(waiting)).toBe('NoAnswer');
    expect(a.settle(wrong, 'way')).toBe(false);
  });

  it('is over after three minutes, however often the other side says pending', async () => {
    const { clock, ask } = conversation((envelope, b) => void b.serve(envelope, 'way', () => new Promise(() => {})));
    const startedMs = clock.monotonicMs();
    expect(await clock.run(code(ask()))).toBe('NoAnswer');
    expect(clock.monotonicMs() - startedMs).toBe(LONGEST_REQUEST_MS);
  });

  it('gives an answer away before anything that came behind it is looked at', async () => {
    const { clock, a, sent } = conversation(() => {});
    const order: string[] = [];
    const waiting = a
      .request(heartbeat, question, [ack], 'way', { timeoutMs: 5_000 }, () => order.push('answered'))
      .then(() => order.push('later'));
    a.settle(decodeEnvelope(encodeAck((sent[0] as Envelope).transaction)), 'way');
    order.push('next frame');
    await clock.run(waiting);
    expect(order).toEqual(['answered', 'next frame', 'later']);
  });

  it('fails when its answer cannot be used', async () => {
    const { clock, a, sent } = conversation(() => {});
    const unusable = () => {
      throw new CpnsError('Auth', 'WrongHash', 'Wrong.');
    };
    const waiting = code(a.request(heartbeat, question, [ack], 'way', { timeoutMs: 5_000 }, unusable));
    a.settle(decodeEnvelope(encodeAck((sent[0] as Envelope).transaction)), 'way');
    expect(await clock.run(waiting)).toBe('WrongHash');
  });

  it('fails when nothing can be sent, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const mute = muteExchange(clock);
    expect(await clock.run(code(mute.request(heartbeat, question, [ack], 'way', { timeoutMs: 5_000, repeat: true })))).toBe('NoSession');
    expect(clock.pending).toBe(0);
  });

  it('goes on with a request whose answers cannot be sent', async () => {
    const clock = new VirtualClock();
    const mute = muteExchange(clock);
    let finish = () => {};
    const served = mute.serve(decodeEnvelope(encodeOf(new Uint8Array(16), 1)), 'way', async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return acknowledged;
    });
    await clock.advance(5_000);
    finish();
    await served;
    expect(clock.pending).toBe(0);
  });

  it('tries a repeated request anew when it was refused for a passing reason, and repeats any other refusal', async () => {
    const { clock, b, answers } = conversation(() => {});
    const request = decodeEnvelope(encodeOf(new Uint8Array(16).fill(3), 1));
    const full = new CpnsError('State', 'DiskFull', 'The disk is full.');
    const unknown = new CpnsError('State', 'UnknownPn', 'There is no such network.', { status: Status.UnknownPn });
    let tries = 0;
    for (const outcome of [full, unknown, undefined]) {
      await code(
        b.serve(request, 'way', async () => {
          tries++;
          if (outcome !== undefined) throw outcome;
          return acknowledged;
        }),
      );
    }
    await clock.advance(5);
    expect(tries).toBe(2);
    expect(answers.map((envelope) => refusal.body.decode(envelope.body, 'body').status)).toEqual([
      Status.ServerError,
      Status.UnknownPn,
      Status.UnknownPn,
    ]);
  });

  it('works on a bounded number of requests at once', async () => {
    const { clock, b, answers } = conversation(() => {});
    const ends: (() => void)[] = [];
    for (let i = 0; i < 20; i++) {
      void b.serve(decodeEnvelope(encodeOf(new Uint8Array(16).fill(i), 1)), 'way', async () => {
        await new Promise<void>((resolve) => ends.push(resolve));
        return acknowledged;
      });
    }
    await clock.advance(1_000);
    expect(ends).toHaveLength(16);
    expect(answers.map((envelope) => refusal.body.decode(envelope.body, 'body').status)).toEqual(Array(4).fill(Status.Busy));
    for (const end of ends) end();
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it('says nothing more once it is closed, and leaves no timer', async () => {
    const { clock, b, answers } = conversation(() => {});
    let finish = () => {};
    const served = b.serve(decodeEnvelope(encodeOf(new Uint8Array(16), 1)), 'way', async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return acknowledged;
    });
    b.close(new CpnsError('Transport', 'LinkLost', 'Lost.'));
    expect(clock.pending).toBe(0);
    finish();
    await served;
    expect(answers).toEqual([]);
  });
});

/** An exchange of a session that is over. */
function muteExchange(clock: VirtualClock): Exchange<string> {
  return new Exchange({
    clock,
    entropy: new InsecureSeededEntropy('mute'),
    self: '',
    transmit: () => {
      throw new CpnsError('State', 'NoSession', 'There is no session.');
    },
  });
}

function encodeOf(transaction: Uint8Array, serverTimeMs: number): Uint8Array {
  return encodeEnvelope(heartbeat, transaction, '', { ...question, serverTimeMs });
}
function encodeAck(transaction: Uint8Array): Uint8Array {
  return encodeEnvelope(ack, transaction, '', { status: Status.Success });
}
