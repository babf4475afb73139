import { type Happening, pnIdText } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import {
  BOARD,
  LAPTOP,
  PHONE,
  pairByCode,
  type SimulatedDevice,
  type SimulatedDeviceOptions,
  simulatedDevice,
} from '../../rigs/simulation/device.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';

/** Laptop (PN GW), phone and board, all of Alice, paired with one another. */
async function household() {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const server = new SimulatedServer(clock);
  const make = async (name: string, options: Partial<SimulatedDeviceOptions> = {}) =>
    simulatedDevice(name, { air, clock, euKey: await server.enrol(name), uplink: server.uplink(name as EntityId), ...options });
  const laptop = await make('laptop', { facts: LAPTOP });
  const phone = await make('phone', { facts: PHONE });
  const board = await make('board', { facts: BOARD });
  await pairByCode(clock, laptop, phone);
  await pairByCode(clock, laptop, board);
  await clock.advance(5_000);
  return { clock, air, server, laptop, phone, board };
}

const signal = () => new AbortController().signal;
const trace = (device: SimulatedDevice) =>
  device.logger.lines.map((line) => `${device.id} ${line.level} ${line.message} ${JSON.stringify(line.fields)}`).join('\n');
const texts = (happenings: readonly Happening[]) => happenings.map((what) => what.text);

describe('PN establishment, PNE initiated', () => {
  it('establishes 1-1 with the server, the hop protected', async () => {
    const { clock, server, laptop, phone } = await household();
    const steps: string[] = [];
    const result = await clock
      .run(phone.device.establish({ type: 'one-to-one' }, undefined, (step, text) => steps.push(`${step} ${text}`), signal()))
      .catch((error) => {
        throw new Error(
          `${error.code} ${error.message}\n${trace(phone)}\n${trace(laptop)}\n${server.logger.lines.map((l) => `server ${l.level} ${l.message} ${JSON.stringify(l.fields)}`).join('\n')}\n${texts(laptop.happenings).join('\n')}`,
        );
      });
    const pnId = pnIdText(result.record.pnId);
    expect(result.record.gateway).toBe('laptop');
    expect(phone.device.linkTo('laptop' as EntityId)?.hasPan(pnId)).toBe(true);
    expect(
      laptop.device.state
        .pn(pnId)
        ?.members.map((member) => member.entityId)
        .sort(),
    ).toEqual(['laptop', 'phone']);
    expect(phone.device.state.pn(pnId)?.pnKey).toEqual(laptop.device.state.pn(pnId)?.pnKey);
    expect(phone.device.state.pn(pnId)?.pnKeyEpoch).toBe(1);
  });
});
