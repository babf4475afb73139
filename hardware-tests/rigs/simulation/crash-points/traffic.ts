import type { EntityId, PnId } from '@cpns/shared';
import type { SimulatedDevice } from '../device.js';
import type { Scene } from './scene.js';

const DELIVERED_WITHIN_MS = 60_000;
const message = { channel: 'c', contentType: 't', payload: new Uint8Array(1) };

/** Where nothing gets through any more, in sentences: each PNE of each PN sends to the server and to its PN GW. */
export async function standstills(scene: Scene): Promise<string[]> {
  const { clock, server } = scene;
  const { pns } = server.database.reads;
  const wrong: string[] = [];
  const sent: Promise<void>[] = [];
  for (const { pnId, gateway, state } of pns.list()) {
    if (state === 'Suspended') continue;
    for (const { entityId } of pns.members(pnId)) {
      const from = scene.device(entityId);
      for (const to of ['server' as const, gateway]) sent.push(send(from, pnId, to, wrong));
    }
  }
  await clock.run(Promise.race([Promise.all(sent), new Promise<void>((resolve) => clock.after(DELIVERED_WITHIN_MS, resolve))]));
  const stuck = scene.devices.filter(({ device }) => device.messenger.outbox.size.messages > 0);
  for (const { id } of stuck) wrong.push(`messages of ${id} do not get through`);
  return wrong;
}

async function send({ id, device }: SimulatedDevice, pnId: PnId, to: EntityId | 'server', wrong: string[]): Promise<void> {
  try {
    const sent = await device.messenger.queue({ ...message, pnId, to });
    if (!(await device.messenger.outcome(sent))) wrong.push(`a message of ${id} to ${to} in ${pnId} was given up`);
  } catch (error) {
    wrong.push(`${id} cannot send to ${to} in ${pnId}: ${(error as Error).message}`);
  }
}
