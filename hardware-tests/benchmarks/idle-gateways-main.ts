/** The process of idle-gateways.ts. Enrolment codes come in, one a line; `{"ready":N}` goes out whenever that changes. */
import { createInterface } from 'node:readline';
import {
  ConsentDesk,
  type DeviceContext,
  DeviceState,
  defaultSettings,
  Gateway,
  InventoryCopies,
  LocalEuKeys,
  MqttUplink,
  nothingOffered,
} from '@cpns/agent';
import { CpnsError, decodeEnrolment, type PnId, parseHostPort, Serial } from '@cpns/shared';
import { encodeCapabilities, Mode, PanKind, Status } from '@cpns/shared/messages';
import { createLogger, nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';
import { euKeyPrk, rootFromPrk } from '@cpns/shared/security';
import { MemoryStore } from '@cpns/shared/testing';
import { LAPTOP } from '../rigs/simulation/device.js';

const clock = new SystemClock();
const logger = createLogger({ level: 'warn', format: 'text' });
const settings = { ...defaultSettings(), requireForwardSecrecy: true };
const capabilities = encodeCapabilities({
  ...LAPTOP,
  mode: Mode.PnGw,
  reachesServer: true,
  reachesServerAgeS: 0,
  panTechnologies: [PanKind.Lan],
  subscribed: true,
  pairedPnes: 0,
});
let ready = 0;

function count(difference: 1 | -1): void {
  ready += difference;
  process.stdout.write(`${JSON.stringify({ ready })}\n`);
}

/** A PN GW without PAN and disk: connects, authenticates, is introduced to the server and answers what that asks. */
function connect(code: string): void {
  const enrolment = decodeEnrolment(nativeProvider, code);
  const { entityId: id, serverId: idServer, subscription } = enrolment;
  const root = rootFromPrk(nativeProvider, euKeyPrk(nativeProvider, enrolment.euKey));
  const state = new DeviceState(new MemoryStore());
  const context: DeviceContext = {
    identity: { id, root, idServer, subscription },
    provider: nativeProvider,
    clock,
    entropy: systemEntropy,
    logger,
    state,
    settings,
    desk: new ConsentDesk({ clock, entropy: systemEntropy, policies: settings, ui: false, limits: settings.limits, happened: () => {} }),
    keys: new LocalEuKeys({ state, clock, provider: nativeProvider, settings }),
    copies: new InventoryCopies(id, settings.limits.membersPerPn),
    settling: new Serial<PnId>(),
    contents: nothingOffered,
    capabilities: () => capabilities,
    linkTo: () => undefined,
    endPans: () => {},
    linkedPeers: () => [],
    modeOf: () => undefined,
    happened: (what) => what.type === 'server' && count(what.connected ? 1 : -1),
  };
  const resolve = async () => [parseHostPort(enrolment.server)];
  const identity = { entityId: id, key: root.kTls };
  const uplink = new MqttUplink({ identity, resolve, clock, entropy: systemEntropy, logger });
  new Gateway(context, uplink, {
    serverData: (channel, envelope) =>
      void channel.serve(envelope, async () => {
        throw new CpnsError('State', 'NobodyHere', 'There is nobody here to read it.', { status: Status.BadAction });
      }),
    pnData: () => {},
    pnKey: () => {},
    pnKeyShared: () => {},
    groups: { serve: () => false, rekey: () => {}, data: () => {}, heartbeat: () => [] },
    connected: () => {},
    refused: (error) => logger.error('a gateway was refused', { id, why: error.message }),
    serverTime: () => {},
  }).start();
}

createInterface({ input: process.stdin }).on('line', connect);
