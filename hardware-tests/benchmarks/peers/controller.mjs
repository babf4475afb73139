// A Matter controller. Each line of its input names a device to commission: {"discriminator", "passcode"}; it answers
// {"commissioned": discriminator, "ms"} once commissionNode() has ended, and {"forgotten": discriminator} when the device is out again.
import { createInterface } from 'node:readline';
import { Environment } from '@matter/main';
import { GeneralCommissioning } from '@matter/main/clusters';
import { CommissioningController } from '@project-chip/matter.js';
import { stayOnLoopback } from './loopback.mjs';
import { say } from './say.mjs';

stayOnLoopback();
const controller = new CommissioningController({
  environment: { environment: Environment.default, id: 'controller' },
  autoConnect: false,
  adminFabricLabel: 'benchmark',
});
await controller.start();
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { discriminator, passcode } = JSON.parse(line);
  const startedMs = performance.now();
  const nodeId = await controller.commissionNode({
    commissioning: { regulatoryLocation: GeneralCommissioning.RegulatoryLocationType.IndoorOutdoor, regulatoryCountryCode: 'XX' },
    discovery: { identifierData: { longDiscriminator: discriminator }, discoveryCapabilities: { ble: false, onIpNetwork: true } },
    passcode,
  });
  say({ commissioned: discriminator, ms: performance.now() - startedMs });
  await controller.removeNode(nodeId, true);
  say({ forgotten: discriminator });
}
process.exit(0);
