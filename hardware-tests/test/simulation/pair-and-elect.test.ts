import { Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { BOARD, LAPTOP, noUplink, PHONE, pairByCode, type SimulatedDevice, simulatedDevice } from '../../rigs/simulation/device.js';

const modes = (...devices: SimulatedDevice[]) => devices.map(({ device }) => device.roles.mode);

describe('pairing and PN GW assignment', () => {
  it('pairs two devices with the same code on both, and the better suited one becomes PN GW', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const phone = await simulatedDevice('phone', { air, clock, facts: PHONE });
    const laptop = await simulatedDevice('laptop', { air, clock, facts: LAPTOP });
    const codes = await pairByCode(clock, phone, laptop);
    expect(codes).toHaveLength(2);
    expect(new Set(codes).size).toBe(1);
    await clock.advance(2_000);
    expect(modes(phone, laptop)).toEqual([Mode.Pne, Mode.PnGw]);
    expect(phone.device.roles.assignment.gateway).toBe('laptop');
  });

  it('lets three starters agree, whatever the order of pairing', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const phone = await simulatedDevice('phone', { air, clock, facts: PHONE });
    const board = await simulatedDevice('board', { air, clock, facts: BOARD });
    const laptop = await simulatedDevice('laptop', { air, clock, facts: LAPTOP });
    await pairByCode(clock, phone, board);
    await pairByCode(clock, phone, laptop);
    await pairByCode(clock, board, laptop);
    await clock.advance(5_000);
    expect(modes(phone, board, laptop)).toEqual([Mode.Pne, Mode.Pne, Mode.PnGw]);
  });

  it('leaves everybody unassigned when nobody is eligible, and says why', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const a = await simulatedDevice('aaa', { air, clock, uplink: noUplink(false, clock) });
    const b = await simulatedDevice('bbb', { air, clock, uplink: noUplink(false, clock) });
    await pairByCode(clock, a, b);
    await clock.advance(2_000);
    expect(modes(a, b)).toEqual([Mode.Unassigned, Mode.Unassigned]);
    expect(a.device.roles.assignment.reason).toContain('does not reach the CPNS Server');
  });

  it('breaks a tie by the lower entity id', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const b = await simulatedDevice('bbb', { air, clock });
    const a = await simulatedDevice('aaa', { air, clock });
    await pairByCode(clock, a, b);
    await clock.advance(2_000);
    expect(modes(a, b)).toEqual([Mode.PnGw, Mode.Pne]);
  });

  it('keeps nothing when one side says no', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const a = await simulatedDevice('aaa', { air, clock });
    const b = await simulatedDevice('bbb', { air, clock });
    const pair = (side: SimulatedDevice, peer: SimulatedDevice, yes: boolean) =>
      side.device.pairing
        .pair(
          { type: 'code', peer: peer.id },
          5_000,
          (event) => {
            if (event.type === 'code') clock.after(1, () => side.device.pairing.answer(event.attempt, { type: yes ? 'yes' : 'no' }));
          },
          new AbortController().signal,
        )
        .then(
          () => 'paired',
          (error) => error.code,
        );
    const outcomes = await clock.run(Promise.all([pair(a, b, true), pair(b, a, false)]));
    expect(outcomes).not.toContain('paired');
    expect(outcomes[1]).toBe('PairingRefused');
    expect([a.device.state.pairings().size, b.device.state.pairings().size]).toEqual([0, 0]);
  });

  it('links again after a restart, without pairing again', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const a = await simulatedDevice('aaa', { air, clock });
    let b = await simulatedDevice('bbb', { air, clock });
    await pairByCode(clock, a, b);
    await b.device.stop();
    await clock.advance(1_000);
    b = await simulatedDevice('bbb', { air, clock, store: b.store });
    await clock.advance(10_000);
    expect(a.device.linkedPeers()).toEqual(['bbb']);
    expect(b.device.linkedPeers()).toEqual(['aaa']);
  });
});
