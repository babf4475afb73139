import { table } from '@cpns/shared/node';
import type { OfferedPn, PnEntryEvent } from '../../control/api/entry.js';
import { minutes } from './durations.js';

/** What can be joined, for people. */
export function offeredText(pns: readonly OfferedPn[]): string[] {
  if (pns.length === 0) return ['No linked PN GW offers a personal network; see: cpns-agent peers'];
  const rows = pns.map(({ pnId, gateway, isMember }) => [pnId, gateway, isMember ? 'this device is in it' : `cpns-agent pn join ${pnId}`]);
  return table([['PN ID', 'PN GW', ''], ...rows]).map((line) => line.trimEnd());
}

/** One line of progress. */
export function entryEventText({ text, atMostMs }: PnEntryEvent): string {
  return `  ${text} (at most ${minutes(atMostMs)})`;
}
