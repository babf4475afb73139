import { type PnId, refused } from '@cpns/shared';
import { pnReleaseRequest, pnReleaseResponse, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import { OUT_OF_PN } from './accept.js';
import { askGateway, endPn } from './ask-gateway.js';
import type { PneContext } from './pne-context.js';

/** PN Release initiated by this PNE (seed 003 figure 19). @throws CpnsError as {@link endPn} and {@link askGateway} */
export function release(context: PneContext, pnId: PnId): Promise<void> {
  return endPn(context, pnId, async () => {
    // 1. The PNE sends PN Release request to the PN GW
    const request = { pnId: pnIdOctets(pnId), initiator: context.identity.id };
    const { body } = await askGateway(context, pnId, pnReleaseRequest, request, pnReleaseResponse);

    // 5. The PN GW sends the PN Release response to the PNE
    if (body.status === Status.Success || OUT_OF_PN.has(body.status)) return true;
    throw refused(body.status, 'The release of the personal network');
  });
}
