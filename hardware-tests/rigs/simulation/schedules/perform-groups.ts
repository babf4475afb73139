import { pnIdText, sgIdText } from '@cpns/agent';
import { entityId } from '@cpns/shared';
import type { GroupDeed } from './actions.js';
import { nth, on, type Told } from './attempt.js';
import type { Playground } from './playground.js';

const NOBODY = () => new AbortController().signal;

/** Begins what somebody does with a service group; it may end long after. */
export function performInGroups(ground: Playground, deed: GroupDeed, told: Told): void {
  switch (deed.do) {
    case 'group-create':
      return create(ground, deed, told);
    case 'group-join':
      return join(ground, deed, told);
    default:
      return withOwn(ground, deed, told);
  }
}

type Of<D extends GroupDeed['do']> = Extract<GroupDeed, { do: D }>;

function create(ground: Playground, { at, pn, members, open }: Of<'group-create'>, told: Told): void {
  on(ground, at, told, async ({ device }) => {
    const chosen = nth(device.state.pns(), pn);
    if (chosen === undefined) return told(`${at} is in no personal network`);
    const named = members.map((name) => entityId(name));
    await device.groups.create({ name: 'kitchen', members: named, open, pnId: pnIdText(chosen.pnId) }, NOBODY());
    told(`${at} was told that its service group stands`);
  });
}

/** Somebody tells this person which group it is; whether it may be found is for the server to say. */
function join(ground: Playground, { at, group }: Of<'group-join'>, told: Told): void {
  on(ground, at, told, async ({ device }) => {
    const chosen = nth(ground.server.database.reads.groups.list(), group);
    if (chosen === undefined) return told('there is no service group');
    await device.groups.join(chosen.sgId, undefined, NOBODY());
    told(`${at} was told that it is in the service group`);
  });
}

/** In a group that the device is in, as far as it knows. Owner or not: that is for the program to find out. */
function withOwn(ground: Playground, deed: Exclude<GroupDeed, Of<'group-create' | 'group-join'>>, told: Told): void {
  const { at } = deed;
  on(ground, at, told, async ({ id, device: { groups, messenger } }) => {
    const chosen = nth(groups.list(), deed.group);
    if (chosen === undefined) return told(`${at} is in no service group`);
    const sgId = sgIdText(chosen.record.sgId);
    const isOut = ground.promiseOfGroup(sgId);
    switch (deed.do) {
      case 'group-invite':
        await groups.invite(sgId, [entityId(deed.pne)], NOBODY());
        break;
      case 'group-owner':
        await groups.handOver(sgId, entityId(deed.pne), NOBODY());
        break;
      case 'group-send':
        await messenger.queue({ channel: 'c', contentType: 'text/plain', payload: Uint8Array.of(7), pnId: undefined, to: { sgId } });
        break;
      case 'group-leave':
        await groups.leave(sgId);
        isOut(id);
        break;
      case 'group-expel':
        for (const out of (await groups.expel(sgId, [entityId(deed.pne)])).members) isOut(out);
        break;
      case 'group-release':
        await groups.release(sgId);
        isOut(undefined);
        break;
    }
    told(`${at} was told that this is done: ${deed.do}`);
  });
}
