import type { PnRecord } from '../../entity/device-state.js';
import type { EntryControl, PnEntryEvent } from '../api/entry.js';
import type { Progress } from '../api/progress.js';
import type { ControlContext, RunningDevice } from './control-context.js';
import { pnReport } from './pn-report.js';

/** After so long silence is a no (protocol 0.3); the owner of a guest is asked for as long again. */
const CONSENT_MS = 60_000;
const OWNERS_MS = 2 * CONSENT_MS;

export function entryControl({ current }: ControlContext): EntryControl {
  const until = (running: RunningDevice, signal: AbortSignal) => AbortSignal.any([signal, running.signal]);

  /** Tells who may have to say yes, and shows the PN as it is afterwards. */
  async function enter(
    { emit, signal }: Progress<PnEntryEvent>,
    waiting: Omit<PnEntryEvent, 'type'>,
    run: (running: RunningDevice, signal: AbortSignal) => Promise<PnRecord>,
  ) {
    const running = current();
    emit({ type: 'waiting', ...waiting });
    return { pn: pnReport(running.device, await run(running, until(running, signal))) };
  }
  const owner = { text: 'The owner of the PN GW may have to say yes', atMostMs: OWNERS_MS };

  return {
    async listPns(signal) {
      const running = current();
      return { pns: await running.device.networks.offered(until(running, signal)) };
    },
    joinPn: ({ pnId, gateway }, progress) => enter(progress, owner, ({ device }, signal) => device.networks.join(pnId, gateway, signal)),
    registerInPn: ({ pnId, gateway }, progress) =>
      enter(progress, owner, ({ device }, signal) => device.networks.register(pnId, gateway, signal)),
    inviteIntoPn: ({ pne, pnId }, progress) =>
      enter(progress, { text: `Somebody at ${pne} may have to say yes`, atMostMs: CONSENT_MS }, ({ device }, signal) =>
        device.networks.invite(pne, pnId, signal),
      ),
  };
}
