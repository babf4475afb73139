import { GroupRoutes } from '@cpns/agent';
import { type EntityId, entityId } from '@cpns/shared';
import { groupKeyDelivery, sgData, sgInventoryNotice } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { GROUP_AT_GATEWAY } from '@cpns/shared/testing';
import { describe } from 'vitest';
import { coversGroups, driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { BOARD_ID, PHONE_ID } from '../simulation/household.js';
import { boards, type GroupPlace, lastPart, sealedBy } from './group-places.js';
import { outcomeOf, outcomeOfServers, sent } from './stage.js';

/** Behind another PN GW. */
const RADIO_ID = entityId('radio');
const LATER = 1_000;
const REKEYED_MS = 8_000;

const STATES: Readonly<Record<string, () => Promise<GroupPlace>>> = {
  'No route': async () => {
    const place = await boards([PHONE_ID]);
    const { clock, board } = place.on.home;
    await clock.run(board.device.groups.release(place.sgId));
    await clock.advance(REKEYED_MS);
    return place;
  },
  Route: () => boards([PHONE_ID]),
};

const sg = ({ sgId }: GroupPlace) => ({ sgId: fromHex(sgId) });
function notice(place: GroupPlace, version: number, members: readonly EntityId[]): Promise<string> {
  const seats = members.map((entity, leaf) => ({ entity, pnId: fromHex(place.pnId), leaf }));
  const body = { ...sg(place), name: 'kitchen', owner: BOARD_ID, epoch: 9, version, members: seats, i: 0, n: 1 };
  return outcomeOfServers(place.on, 'laptop', sgInventoryNotice, seats.length === 0 ? { ...body, released: true } : body);
}
const said = (place: GroupPlace, from: EntityId) =>
  outcomeOf(
    place.on,
    'phone',
    'laptop',
    sent({ type: sgData, body: { ...sg(place), from, message: sealedBy(from, place.sgId, 1n) }, pan: place.pnId }),
  );

const ROWS: Readonly<Record<string, (place: GroupPlace) => Promise<string>>> = {
  'SG Inventory Notice, of a member': (place) => notice(place, LATER, [PHONE_ID]),
  'SG Inventory Notice, of nobody': (place) => notice(place, LATER, []),
  'SG Inventory Notice, of nobody, overtaken': (place) => notice(place, 1, []),
  'Group Key Delivery': (place) => outcomeOfServers(place.on, 'laptop', groupKeyDelivery, lastPart(place)),
  'SG Data, of a PNE': (place) => said(place, PHONE_ID),
  'SG Data, of a PNE in the name of another': (place) => said(place, BOARD_ID),
  'SG Data, of the server': async (place) => {
    const body = { ...sg(place), from: RADIO_ID, message: sealedBy(RADIO_ID, place.sgId, 1n) };
    const came = await outcomeOfServers(place.on, 'laptop', sgData, body);
    return place.on.parties.laptop.said.some(({ number }) => number === sgData.number) ? `${sgData.name}, ${came}` : came;
  },
};

function has({ on, sgId }: GroupPlace): string {
  return new GroupRoutes(on.home.laptop.device.state).get(sgId) === undefined ? 'No route' : 'Route';
}

describe('what a PN GW makes of what it carries for a service group', () => {
  const isForMembers = (direction: string) => direction === 'Server>PNE';
  coversGroups(
    GROUP_AT_GATEWAY,
    (directions) => directions.includes('GW>PNE') || (directions.includes('Server>GW') && !directions.some(isForMembers)),
  );
  driveTable(GROUP_AT_GATEWAY, STATES, ROWS, has);
});
