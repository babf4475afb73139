import { CpnsError, type PnId } from '@cpns/shared';
import { Status, statusSentence } from '@cpns/shared/messages';
import { pnIdText } from '../../entity/device-state.js';
import { SETUP_STEPS, type Setup } from '../../entity/setup.js';
import type { NetworksControl, PnCreateParams } from '../api/networks.js';
import type { ControlContext } from './control-context.js';
import { pnReport } from './pn-report.js';

/** Step of a PN Setup during which people at other devices may be asked. */
const CONSENT_STEP = 2;
/** After so long silence is a no (protocol 0.3). */
const CONSENT_MS = 60_000;

export function networksControl({ current, clock }: ControlContext): NetworksControl {
  return {
    async createPn(params, { emit, signal }) {
      const { device, signal: ended } = current();
      const startedMs = clock.monotonicMs();
      const progress = (step: number, text: string) => {
        emit({ type: 'step', step, of: SETUP_STEPS, text });
        if (step === CONSENT_STEP && params.setup !== '1-1') {
          emit({ type: 'waiting', text: 'People at the other devices may have to say yes', atMostMs: CONSENT_MS });
        }
      };
      const established = await device.networks.establish(setupOf(params), params.gateway, progress, AbortSignal.any([signal, ended]));
      const outcomes = established.outcomes.map(({ pne, status }) =>
        status === Status.Success ? { id: pne, joined: true } : { id: pne, joined: false, reason: `${statusSentence(status)}.` },
      );
      for (const outcome of outcomes) emit({ type: 'member', ...outcome });
      return {
        pn: pnReport(device, established.record),
        establishMs: established.establishMs,
        totalMs: clock.monotonicMs() - startedMs,
        outcomes,
      };
    },

    async leavePn({ pnId }) {
      return { pnId: await current().device.networks.leave(pnId) };
    },

    async expelPne({ pne, pnId }) {
      return { pne, ...(await current().device.networks.expel(pne, pnId)) };
    },

    async releasePn({ pnId }) {
      return { pnId: await current().device.networks.release(pnId) };
    },

    async showPns({ pnId }) {
      const { device } = current();
      const wanted = device.state.pns().filter((record) => pnId === undefined || pnIdText(record.pnId) === pnId);
      if (pnId !== undefined && wanted.length === 0) throw unknownPn(pnId);
      return { pns: wanted.map((record) => pnReport(device, record)) };
    },
  };
}

function setupOf(params: PnCreateParams): Setup {
  switch (params.setup) {
    case '1-1':
      return { type: 'one-to-one' };
    case 'all':
      return { type: 'all' };
    case 'named':
      return { type: 'named', pnes: params.pnes };
  }
}

function unknownPn(pnId: PnId): CpnsError {
  return new CpnsError('State', 'UnknownPn', `This device is not in personal network ${pnId}; see: cpns-agent pn show`);
}
