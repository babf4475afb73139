import { Keeper } from '../../../processes/keeper.js';
import { defineScenario } from '../../../scenarios/scenario.js';
import { BareProcess } from '../../air/bare/bare-process.js';
import { VhciRadios } from './vhci.js';

/** More than one connection, more than one packet of the controller, more than one ATT packet. */
const OCTETS = [20, 1_000, 4_096];

/** Plays without the stage's server and agents. */
export const libraries = defineScenario({
  name: 'kernel/libraries',
  title: 'noble and bleno alone, over sockets of the kernel: two peripherals, one central, every octet comes back.',
  needs: ['adapters'],
  run: async (t) => {
    const [{ clock }, keeper] = [t.stage, new Keeper()];
    const adapters = await VhciRadios.open(clock, keeper);
    try {
      const [hub, ...leaves] = [await adapters.add('hub'), await adapters.add('one'), await adapters.add('other')];
      t.step('Two peripherals advertise.');
      for (const { index } of leaves) {
        const peripheral = new BareProcess({ roles: ['peripheral'], env: { BLENO_HCI_DEVICE_ID: String(index) }, clock, keeper });
        await peripheral.event(({ event }) => event === 'advertising');
      }
      const central = new BareProcess({ roles: ['central'], env: { NOBLE_HCI_DEVICE_ID: String(hub.index) }, clock, keeper });
      await central.event((event) => event.event === 'state' && event.state === 'poweredOn');
      for (const { address } of leaves) {
        t.step(`The central connects to ${address}.`);
        await central.ask('connect', address, {});
        const { mtu } = await central.ask('discover', address, {});
        t.same('the MTU is that of bleno', mtu, 256);
      }
      for (const octets of OCTETS) {
        t.step(`${octets} octets go there and back, over both connections at once.`);
        const echoes = await Promise.all(leaves.map(({ address }) => central.ask('echo', address, { octets })));
        t.check(
          'they come back as they went',
          echoes.every(({ same }) => same),
        );
      }
      await central.ask('disconnect', leaves[0]?.address ?? '', {});
      t.step('One connection has ended; the other one lives on.');
      const { same } = await central.ask('echo', leaves[1]?.address ?? '', { octets: 20 });
      t.check('it still comes back', same);
    } catch (error) {
      for (const { name, lines } of adapters.logs()) for (const line of lines.slice(-30)) t.step(`${name}: ${line}`);
      throw error;
    } finally {
      await adapters.close();
      await keeper.close();
    }
  },
});
