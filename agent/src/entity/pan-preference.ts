import type { LinkType } from '@cpns/shared';
import { isGateway, Mode } from '@cpns/shared/messages';

/** Links that a device opens over Bluetooth: the PNEs of one PN GW there (protocol 0.28). */
export const MAX_BLE_LINKS = 7;

const RANK: Readonly<Record<LinkType, number>> = { lan: 0, sim: 0, ble: 1 };
const NAMES: Readonly<Record<LinkType, string>> = { lan: 'the local network', sim: 'the simulated network', ble: 'Bluetooth' };

/** The local network is better than Bluetooth: faster, and many devices share it. */
export function isBetter(one: LinkType, other: LinkType): boolean {
  return RANK[one] < RANK[other];
}

export function technologyName(type: LinkType): string {
  return NAMES[type];
}

/** Over Bluetooth a PN GW connects to its PNEs, which wait for it; who has no role yet does either (protocol 0.26). */
export function mayDial(technology: LinkType, own: Mode): boolean {
  return technology !== 'ble' || own !== Mode.Pne;
}

/** Nobody has to wait for the other side to dial first: over Bluetooth only a PN GW can, elsewhere the lower id does (protocol 0.22). */
export function dialsFirst(technology: LinkType, own: Mode, hasLowerId: boolean): boolean {
  return hasLowerId || (technology === 'ble' && isGateway(own));
}

/** A Bluetooth link whose PN GW is the peripheral: it serves no other one that way, and can be reached by nobody else. */
export function runsWrongWay({ technology, initiated }: { technology: LinkType; initiated: boolean }, own: Mode, peer: Mode): boolean {
  if (technology !== 'ble') return false;
  return initiated ? own === Mode.Pne && isGateway(peer) : isGateway(own) && peer === Mode.Pne;
}
