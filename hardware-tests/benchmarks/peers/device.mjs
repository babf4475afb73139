// A fresh on-network Matter device: a lamp. Arguments: discriminator, passcode.
import { ServerNode, VendorId } from '@matter/main';
import { OnOffLightDevice } from '@matter/main/devices';
import { stayOnLoopback } from './loopback.mjs';
import { say } from './say.mjs';

const [discriminator, passcode] = process.argv.slice(2).map(Number);
stayOnLoopback();
const node = await ServerNode.create({
  id: 'device',
  network: { port: 0 },
  commissioning: { passcode, discriminator },
  productDescription: { name: 'lamp', deviceType: OnOffLightDevice.deviceType },
  basicInformation: {
    vendorName: 'Benchmark',
    vendorId: VendorId(0xfff1),
    productName: 'Lamp',
    productId: 0x8000,
    serialNumber: `${discriminator}`,
  },
});
await node.add(OnOffLightDevice, { id: 'lamp' });
await node.start();
say({ ready: true });
