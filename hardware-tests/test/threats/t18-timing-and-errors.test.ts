import { refusal, Status } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { nobleProvider } from '@cpns/shared/security';
import { SeededChoices } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { begin, GatewayDouble, PneDouble } from '../../../server/test/enabler/devices.js';
import { Rig } from '../../../server/test/enabler/rig.js';

type Equal = (a: Uint8Array, b: Uint8Array) => boolean;

const ROUNDS = 2_000;
const REPEATS = 40;
/** Loud: on a machine that does other things, too, a small |t| says nothing. */
const LOUD = 50;

/** A comparison that stops at the first difference: the control, to show that the method sees one. */
const naive: Equal = (a, b) => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Welch's t of the times for a difference in the first octet and in the last, as dudect does it; the slowest tenth is left out. */
function welch(equal: Equal): number {
  const choices = new SeededChoices(18);
  const secret = new Uint8Array(2_048).fill(7);
  const wrong = [0, secret.length - 1].map((at) => secret.map((octet, i) => (i === at ? octet ^ 1 : octet)));
  const times: [number[], number[]] = [[], []];
  for (let round = -500; round < ROUNDS; round++) {
    const which = choices.chance(0.5) ? 1 : 0;
    const other = wrong[which] as Uint8Array;
    const before = process.hrtime.bigint();
    for (let i = 0; i < REPEATS; i++) equal(secret, other);
    const took = Number(process.hrtime.bigint() - before);
    if (round >= 0) times[which].push(took);
  }
  const limit = times.flat().sort((a, b) => a - b)[Math.floor(ROUNDS * 0.9)] ?? Number.POSITIVE_INFINITY;
  const [first, last] = times.map((list) => moments(list.filter((time) => time <= limit)));
  if (first === undefined || last === undefined) throw new Error('nothing measured');
  return (last.mean - first.mean) / Math.sqrt(first.variance / first.count + last.variance / last.count);
}

function moments(list: readonly number[]) {
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const variance = list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (list.length - 1);
  return { mean, variance, count: list.length };
}

describe('T18 Timing/error oracles', () => {
  it('comparing takes as long for a difference at the end as at the beginning (report)', () => {
    const noble = welch((a, b) => nobleProvider.equal(a, b));
    const native = welch((a, b) => nativeProvider.equal(a, b));
    const control = welch(naive);
    console.info(`dudect-like |t|: control ${control.toFixed(1)}, noble ${noble.toFixed(1)}, native ${native.toFixed(1)}`);
    expect(Math.abs(noble)).toBeLessThan(LOUD);
    expect(Math.abs(native)).toBeLessThan(LOUD);
  });

  it('whatever is wrong with a hello, the answer is the same octet for octet', async () => {
    const rig = new Rig();
    await rig.user();
    const gateway = await GatewayDouble.connected(rig);
    const [victim, other] = [await PneDouble.of(gateway, 'victim'), await PneDouble.of(gateway, 'other')];
    const { root } = rig.stranger('stranger');
    const posing = [
      new PneDouble(gateway, { entityId: victim.entityId, root }),
      new PneDouble(gateway, { entityId: victim.entityId, root: { ...root, kid: victim.device.root.kid } }),
      new PneDouble(gateway, { entityId: victim.entityId, root: other.device.root }),
      new PneDouble(gateway, { entityId: 'nobody' as never, root: victim.device.root }),
    ];
    const answers: unknown[] = [];
    for (const one of posing) {
      answers.push(
        await begin(gateway, [one]).then(
          () => 'challenged',
          ({ status, retryAfterMs }) => ({ status, retryAfterMs }),
        ),
      );
    }
    expect(new Set(rig.refusals()).size).toBeGreaterThan(1);
    expect(answers).toEqual(posing.map(() => ({ status: Status.AuthFailed, retryAfterMs: undefined })));
    expect(gateway.take(refusal)).toEqual([]);
  });

  it('what does not verify is not parsed: a record with a wrong tag leaves no trace but one line', async () => {
    const rig = new Rig();
    await rig.user();
    const gateway = await GatewayDouble.connected(rig);
    const record = gateway.channel?.sealEnvelope(new Uint8Array(40).fill(0xff))[0] as Uint8Array;
    const wrong = record.map((octet, i) => (i === record.length - 1 ? octet ^ 1 : octet));
    const dropped = async (octets: Uint8Array) => {
      const before = rig.logger.lines.length;
      await gateway.publish(octets);
      return rig.logger.lines.slice(before).map(({ message }) => message);
    };
    expect(await dropped(wrong)).toEqual(['dropped a record whose tag is wrong']);
    expect(await dropped(record)).toEqual(['dropped a message that could not be read']);
    expect(gateway.arrived).toEqual([]);
  });
});
