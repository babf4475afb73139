import {
  type AnyMessage,
  catalogue,
  groupKeyDelivery,
  SgAction,
  sgActionRequest,
  sgData,
  sgExpelledNotice,
  sgKeptMessages,
  sgMemberChangeNotification,
  sgObjectRequest,
  sgObjectsChangeNotification,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { GROUP_AT_MEMBER } from '@cpns/shared/testing';
import { describe } from 'vitest';
import { coversGroups, driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { BOARD_ID, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { boards, type GroupPlace, lastPart, phoneAsked, phoneKeyless, phoneLeft, sealedBy } from './group-places.js';
import { outcomeOf, outcomeOfServers, sent } from './stage.js';

const STATES: Readonly<Record<string, () => Promise<GroupPlace>>> = {
  Stranger: () => boards([LAPTOP_ID]),
  Asked: phoneAsked,
  Keyless: phoneKeyless,
  Member: () => boards([LAPTOP_ID, PHONE_ID]),
  Left: phoneLeft,
};

const sg = ({ sgId }: GroupPlace) => ({ sgId: fromHex(sgId) });
/** Of the server, in the phone's session with it. */
const sealed = ({ on }: GroupPlace, type: AnyMessage, body: unknown) => outcomeOfServers(on, 'phone', type, body, PERSON_MS);
/** Of the PN GW. */
const carried = ({ on, pnId }: GroupPlace, type: typeof sgData | typeof groupKeyDelivery, body: unknown) =>
  outcomeOf(on, 'laptop', 'phone', sent({ type, body: body as never, pan: pnId }));
/** Who waits for a person has said so, and what is due for a message under an unknown key was asked for. */
const PERSON_MS = 2_500;
const TALK_MS = 100;
/** By then a server that was busy has been asked for keys again. */
const KEYS_MS = 20_000;
const wish = (place: GroupPlace, action: SgAction) =>
  sealed(place, sgActionRequest, { ...sg(place), action, origin: BOARD_ID, targets: [PHONE_ID], name: 'kitchen', sameUser: true });
const change = (place: GroupPlace, id: typeof PHONE_ID) =>
  sealed(place, sgMemberChangeNotification, { ...sg(place), owner: BOARD_ID, add: [id], remove: [], name: 'kitchen' });

/** What the board really says, which the PN GW would not give to a device that is out. */
async function talk(place: GroupPlace): Promise<string> {
  const { board, phone, clock } = place.on.home;
  const message = { channel: 'c', contentType: 't', payload: new Uint8Array(9), pnId: undefined, to: { sgId: place.sgId } };
  await clock.run(board.device.messenger.queue(message));
  await clock.advance(TALK_MS);
  const told = place.on.parties.board.said.findLast(({ number }) => number === sgData.number);
  if (told === undefined) throw new Error('the board said nothing');
  if (phone.received.length > 0) return 'shown';
  const led = await carried(place, sgData, sgData.body.decode(told.body, sgData.name));
  await clock.advance(KEYS_MS);
  return phone.received.length > 0 ? 'shown later' : led;
}

/** What the board said while the phone was away, under that key or, where none is given, one that is not the group's. */
async function kept(place: GroupPlace, epoch: number, groupKey: Uint8Array | undefined): Promise<string> {
  const message = sealedBy(BOARD_ID, place.sgId, BigInt(epoch), groupKey);
  const body = { ...sg(place), epoch, ...(groupKey && { groupKey }), messages: [{ receivedMs: 0, message }], lost: 0 };
  const status = await sealed(place, sgKeptMessages, body);
  return place.on.home.phone.received.length > 0 ? 'shown' : status;
}
const FORMER_KEY = new Uint8Array(32).fill(5);
const epochOf = ({ on, sgId }: GroupPlace) => on.home.server.database.reads.groups.find(sgId)?.epoch ?? 1;

const ROWS: Readonly<Record<string, (place: GroupPlace) => Promise<string>>> = {
  'SGActionRequest, invite': (place) => wish(place, SgAction.Invite),
  'SGActionRequest, join of another': (place) => wish(place, SgAction.Join),
  'SGActionRequest, expel': (place) => wish(place, SgAction.Expel),
  'SG Owner Transfer Request': (place) =>
    sealed(place, sgOwnerTransferRequest, { pne: BOARD_ID, ...sg(place), candidate: PHONE_ID, name: 'kitchen', sameUser: true }),
  'SG Member Change Notification, of this device': (place) => change(place, PHONE_ID),
  'SG Member Change Notification, of another': (place) => change(place, LAPTOP_ID),
  'Owner Change Notification': (place) => sealed(place, sgOwnerChangeNotification, { ...sg(place), owner: LAPTOP_ID }),
  'SG Expelled Notice': (place) => sealed(place, sgExpelledNotice, sg(place)),
  SGReleaseNotification: (place) => sealed(place, sgReleaseNotification, sg(place)),
  'SG Object Request, of none': (place) =>
    sealed(place, sgObjectRequest, { ...sg(place), objectId: 'ab'.repeat(32), holder: PHONE_ID, origin: BOARD_ID, index: 0 }),
  'SG Objects Change Notification': (place) => sealed(place, sgObjectsChangeNotification, sg(place)),
  'SG Kept Messages, of its own epoch': (place) => kept(place, epochOf(place), undefined),
  'SG Kept Messages, with a former key': (place) => kept(place, 1, FORMER_KEY),
  'Group Key Delivery, again': (place) => carried(place, groupKeyDelivery, lastPart(place)),
  'Group Key Delivery, not of the server': (place) =>
    carried(place, groupKeyDelivery, { ...lastPart(place), signature: new Uint8Array(64).fill(1) }),
  'SG Data, of a member': talk,
  'SG Data, under a later key': (place) =>
    carried(place, sgData, { ...sg(place), from: BOARD_ID, message: sealedBy(BOARD_ID, place.sgId, 99n) }),
  'SG Data, under no key': (place) => carried(place, sgData, { ...sg(place), from: BOARD_ID, message: new Uint8Array(100) }),
  'an answer that nobody waits for': async ({ on }) => {
    const answers = [...catalogue.values()].filter(({ kind, directions }) => kind === 'answer' && directions.includes('Server>PNE'));
    for (const type of answers) {
      const came = await outcomeOfServers(on, 'phone', type);
      if (came !== 'ignored') return `${type.name}: ${came}`;
    }
    return 'ignored';
  },
};

function has({ on, sgId }: GroupPlace): string {
  const { state } = on.home.phone.device;
  if (state.group(sgId) === undefined) return state.groupKeys(sgId) === undefined ? 'Left' : 'Left, with keys';
  return state.groupKeys(sgId) === undefined ? 'Keyless' : 'Member';
}

describe("what a member's device makes of a message about a service group", () => {
  coversGroups(GROUP_AT_MEMBER, (directions) => directions.includes('Server>PNE') || directions.includes('GW>PNE'));
  driveTable(GROUP_AT_MEMBER, STATES, ROWS, has);
});
