import { type PnId, refused } from '@cpns/shared';
import { PneAction, pneRequest, pneResponse, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import { OUT_OF_PN } from './accept.js';
import { askGateway, endPn } from './ask-gateway.js';
import type { PneContext } from './pne-context.js';

/** This PNE leaves a PN (seed 003 figure 15). @throws CpnsError as {@link endPn} and {@link askGateway} */
export function leave(context: PneContext, pnId: PnId): Promise<void> {
  return endPn(context, pnId, async () => {
    // 1. The PNE sends PNE request (Leave) to PN GW
    const request = { action: PneAction.Leave, pnId: pnIdOctets(pnId), pne: context.identity.id };
    const { body } = await askGateway(context, pnId, pneRequest, request, pneResponse);

    // 6. The PN GW sends PNE response (Leave) to the PNE
    if (body.status === Status.Success || OUT_OF_PN.has(body.status)) return true;
    throw refused(body.status, 'Leaving the personal network');
  });
}
