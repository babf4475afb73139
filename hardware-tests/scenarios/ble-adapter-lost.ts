import type { AdapterHandle, DeviceHandle } from '../rigs/rig.js';
import { couple, create } from './acts/household.js';
import { established, linked, peerOf, status } from './acts/look.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario, type Telling } from './scenario.js';

/** A dead link is noticed after 6 s; the adapter that is back is found, its radio started, the other device heard and dialled. */
const RECOVERY_MS = 60_000;

function adapterOf(t: Telling, { id, adapter }: DeviceHandle): AdapterHandle {
  t.check(`${id} has an adapter of its own`, adapter !== undefined);
  return adapter as AdapterHandle;
}

export const adapterLostAndBack = defineScenario({
  name: 'ble-adapter-lost-and-back',
  title:
    'A Bluetooth adapter that is pulled out or switched off ends its links at once; put back, it has them again by itself, in the same PN.',
  needs: ['adapters'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop } = await couple(t);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected);

    const losses: readonly (readonly [
      string,
      DeviceHandle,
      (adapter: AdapterHandle) => Promise<void>,
      (adapter: AdapterHandle) => Promise<void>,
    ])[] = [
      ['The adapter of the phone is pulled out', phone, (adapter) => adapter.unplug(), (adapter) => adapter.plug()],
      ['The adapter of the laptop is pulled out', laptop, (adapter) => adapter.unplug(), (adapter) => adapter.plug()],
      ['The adapter of the phone is switched off', phone, (adapter) => adapter.power(false), (adapter) => adapter.power(true)],
    ];
    for (const [says, device, lose, giveBack] of losses) {
      const adapter = adapterOf(t, device);
      t.step(`${says}.`);
      await lose(adapter);
      for (const [one, other] of [
        [phone, laptop],
        [laptop, phone],
      ] as const)
        await t.eventually(`${one.id} knows that ${other.id} is gone`, async () => (await peerOf(one, other))?.link === undefined);
      t.same('the agents go on', [(await status(phone)).id, (await status(laptop)).id], [phone.id, laptop.id]);
      t.step('It is back.');
      await giveBack(adapter);
      await linked(t, phone, laptop, RECOVERY_MS);
      await established(t, server, expected, RECOVERY_MS);
      await everybodyTalks(t, server, [phone], `after: ${says.toLowerCase()}`);
    }
  },
});
