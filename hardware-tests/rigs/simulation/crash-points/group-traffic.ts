import type { EntityId, SgId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import type { Scene } from './scene.js';

/** A member whose gateway is there hears of it by then. */
const HEARD_WITHIN_MS = 5_000;

/** Where a group does not work any more, in sentences: each member says something, which all other members must hear and nobody else. */
export async function silences(scene: Scene): Promise<string[]> {
  const { groups, pns } = scene.server.database.reads;
  const wrong: string[] = [];
  for (const { sgId } of groups.list()) {
    const reached = groups
      .members(sgId)
      .filter(({ pnId }) => pnId === undefined || pns.find(pnId)?.state === 'Established')
      .map(({ entityId }) => entityId);
    for (const from of reached) wrong.push(...(await says(scene, sgId, from, reached)));
  }
  return wrong;
}

async function says(scene: Scene, sgId: SgId, from: EntityId, members: readonly EntityId[]): Promise<string[]> {
  const text = `${from} at ${scene.clock.monotonicMs()}`;
  const message = { channel: 'c', contentType: 't', payload: new TextEncoder().encode(text) };
  try {
    await scene.clock.run(scene.device(from).device.messenger.queue({ ...message, to: { sgId }, pnId: undefined }));
  } catch (error) {
    return [`${from} cannot send to ${sgId}: ${(error as Error).message}`];
  }
  await scene.clock.advance(HEARD_WITHIN_MS);
  return scene.devices.flatMap((device) => {
    const times = timesHeard(device, text);
    const expected = device.id !== from && members.includes(device.id) ? 1 : 0;
    return times === expected ? [] : [`${device.id} was shown what ${from} said in ${sgId} ${times} times, not ${expected}`];
  });
}

function timesHeard({ received }: SimulatedDevice, text: string): number {
  return received.filter(({ data }) => new TextDecoder().decode(data.payload) === text).length;
}
