import { plural, table } from '@cpns/shared/node';
import type { PnCreated, PnCreateEvent, PnExpelled, PnMember, PnReport } from '../../control/api/networks.js';
import { contentText } from './contents-text.js';
import { minutes } from './durations.js';

/** Personal networks for people. */
export function networksText(pns: readonly PnReport[]): string[] {
  if (pns.length === 0) return ['This device is in no personal network. Make one with: cpns-agent pn create --all'];
  return pns.flatMap((pn, index) => [...(index === 0 ? [] : ['']), ...networkText(pn)]);
}

export function networkText(pn: PnReport): string[] {
  const hops = new Map(pn.hops.map((hop) => [hop.pne, hop]));
  const rows = pn.inventory.map((member) => {
    const hop = hops.get(member.id);
    if (member.id === pn.gateway) return [`  ${member.id}`, 'PN GW', member.state, ''];
    if (hop === undefined) return [`  ${member.id}`, 'PNE', member.state, ''];
    const protection = `${hop.up ? 'up' : 'down'}, protected by ${hop.protectedBy}${hop.forwardSecret ? ', forward secret' : ''}`;
    return [`  ${member.id}`, 'PNE', member.state, protection];
  });
  return [
    `${pn.pnId} ${pn.state}`,
    `  ${plural(pn.members, 'member')}, this device is ${pn.role}, inventory version ${pn.inventoryVersion}, key epoch ${pn.keyEpoch}`,
    ...table(rows).flatMap((line, row) => [line.trimEnd(), ...contentsOf(pn.inventory[row])]),
  ];
}

function contentsOf(member: PnMember | undefined): string[] {
  return (member?.contents ?? []).map((content) => `    offers ${contentText(content)}`);
}

export function createdText(created: PnCreated): string[] {
  const out = created.outcomes.filter((outcome) => !outcome.joined);
  return [
    `Personal network ${created.pn.pnId} is established in ${Math.round(created.establishMs)} ms.`,
    ...networkText(created.pn).slice(1),
    ...out.map((outcome) => `  ${outcome.id} is not in it: ${outcome.reason ?? 'no reason given'}`),
  ];
}

export function expelledText({ pne, pnId, answered }: PnExpelled): string[] {
  const out = `${pne} is out of personal network ${pnId}.`;
  return answered ? [out] : [out, 'The CPNS Server has not answered yet: it is asked until it does.'];
}

/** One line of progress. */
export function createEventText(event: PnCreateEvent): string {
  switch (event.type) {
    case 'step':
      return `${event.step} of ${event.of}: ${event.text}`;
    case 'member':
      return event.joined ? `  ${event.id} joined` : `  ${event.id} did not join: ${event.reason ?? 'no reason given'}`;
    case 'waiting':
      return `  ${event.text} (at most ${minutes(event.atMostMs)})`;
  }
}
