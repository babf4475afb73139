import { isGateway, modeName } from '@cpns/shared/messages';
import { clockSentence } from '../../doctor/server-checks.js';
import type { Device } from '../../entity/device.js';
import type { PanTechnology } from '../../entity/pan-technology.js';
import type { PanStatus, ServerStatus, StatusControl } from '../api/status.js';
import type { ControlContext, RunningDevice } from './control-context.js';
import { pnSummary } from './pn-report.js';

export function statusControl(context: ControlContext): StatusControl {
  const { clock, version, name, startedAtMs, settings } = context;
  return {
    async status() {
      const running = context.current();
      const { device, technologies } = running;
      const { roles, neighbourhood, state, pairing } = device;
      const { gateway, reason } = roles.assignment;
      const cpnsId = state.serverKeys?.cpnsId;
      return {
        id: device.id,
        name,
        ...(cpnsId && { cpnsId }),
        version,
        uptimeMs: Math.round(clock.monotonicMs() - startedAtMs),
        mode: modeName(roles.mode),
        ...(gateway && { gateway }),
        modeReason: reason,
        server: serverStatus(running, clock.monotonicMs()),
        pan: [...technologies.map((technology) => panStatus(device, technology)), ...switchedOff(technologies)],
        ...(pairing.window && { pairingWindow: pairing.window }),
        peers: { paired: state.pairings().size, linked: device.linkedPeers().length, near: neighbourhood.sightings.size },
        pns: state.pns().map((record) => pnSummary(device, record)),
        consentsWaiting: device.consents.list().length,
        outbox: device.messenger.outbox.size,
        warnings: [...clockWarning(device), ...settingWarnings(settings), ...device.contentProblems],
      };
    },
  };
}

/** What a person can switch off. */
const SWITCHABLE = ['lan', 'ble'] as const;

function switchedOff(technologies: readonly PanTechnology[]): PanStatus[] {
  const off = SWITCHABLE.filter((type) => !technologies.some((technology) => technology.type === type));
  return off.map((technology) => ({ technology, state: 'off', addresses: [] }));
}

function panStatus({ neighbourhood }: Device, technology: PanTechnology): PanStatus {
  const problem = neighbourhood.problemOf(technology.type);
  const addresses = technology.addresses();
  if (problem === undefined) return { technology: technology.type, state: 'running', addresses };
  return { technology: technology.type, state: 'problem', addresses, problem };
}

function serverStatus({ device, uplink }: RunningDevice, nowMs: number): ServerStatus {
  const { reach, mode } = device.roles;
  const { isReady, reason } = device.uplink;
  const { clockOffsetMs } = device;
  const uses = isGateway(mode);
  return {
    id: device.serverId,
    ...(uplink.address && { address: uplink.address }),
    uplink: !uses ? 'unused' : isReady ? 'connected' : uplink.isConnected ? 'connecting' : 'disconnected',
    ...(uses && !isReady && { reason }),
    ...(reach && {
      probe: {
        reachable: reach.reachable,
        ...(reach.reason && { reason: reach.reason }),
        ageMs: Math.round(nowMs - reach.atMonotonicMs),
      },
    }),
    ...(clockOffsetMs !== undefined && { clockOffsetMs }),
  };
}

function clockWarning({ clockOffsetMs }: Device): string[] {
  const sentence = clockOffsetMs === undefined ? undefined : clockSentence(clockOffsetMs);
  return sentence === undefined ? [] : [`The clock of this device ${sentence}.`];
}

/** Settings that make a device less safe than it could be. */
function settingWarnings({ allowUnprotectedPan, requireForwardSecrecy, consent }: ControlContext['settings']): string[] {
  const found: string[] = [];
  if (allowUnprotectedPan) found.push('allowUnprotectedPan is on: others near can read and forge what devices without a LocalEUKey send.');
  if (!requireForwardSecrecy) found.push('requireForwardSecrecy is off: whoever learns a key later can read what was recorded before.');
  if (consent === 'always')
    found.push('consent is "always": this device joins the personal network of every paired device without asking.');
  return found;
}
