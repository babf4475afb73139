import { ack, pnSetupInvitation, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { BOARD_ID, PHONE_ID } from './household.js';
import { attack, LINK, outcomeOf, soon, withLyingLaptop } from './lying-gateway.js';

describe('a malicious PN GW', () => {
  it('cannot keep a PNE busy with invitations', async () => {
    const { home } = await withLyingLaptop();
    const statuses: unknown[] = [];
    for (let i = 0; i < 60; i++) {
      const invitation = { initiator: PHONE_ID, pnId: new Uint8Array(16).fill(i + 1) };
      attack(home, BOARD_ID)
        .exchange.request(pnSetupInvitation, invitation, [ack], LINK, soon)
        .catch((error) => statuses.push(error.status ?? error.code));
    }
    await home.clock.advance(10_000);
    expect(statuses.filter((status) => status === Status.Busy).length).toBeGreaterThanOrEqual(44);
    await home.clock.advance(160_000);
    expect(await outcomeOf(home, 'all')).toMatchObject({
      outcomes: new Map([
        [BOARD_ID, Status.Success],
        [PHONE_ID, Status.Success],
      ]),
    });
  });
});
