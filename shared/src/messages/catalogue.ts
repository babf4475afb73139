import { CpnsError } from '../errors.js';
import * as data from './data.js';
import * as discovery from './discovery.js';
import * as establishment from './establishment.js';
import * as gateway from './gateway.js';
import * as groups from './groups.js';
import * as link from './link.js';
import * as membership from './membership.js';
import type { MessageType } from './message-type.js';
import * as registration from './registration.js';

function messagesOf(family: Readonly<Record<string, unknown>>): MessageType[] {
  return Object.values(family).filter(
    (entry): entry is MessageType => typeof entry === 'object' && entry !== null && 'number' in entry && 'kind' in entry,
  );
}

/** Every message family with its messages. */
export const families: ReadonlyArray<{ readonly name: string; readonly messages: readonly MessageType[] }> = [
  { name: 'Links, pairing and hop control', messages: messagesOf(link) },
  { name: 'Discovery and capabilities', messages: messagesOf(discovery) },
  { name: 'Gateway, membership and PN key', messages: messagesOf(gateway) },
  { name: 'Establishment', messages: messagesOf(establishment) },
  { name: 'PNE registration', messages: messagesOf(registration) },
  { name: 'PN membership and release', messages: messagesOf(membership) },
  { name: 'Service groups', messages: messagesOf(groups) },
  { name: 'Data', messages: messagesOf(data) },
];

/** THE table of all messages, by number. */
export const catalogue: ReadonlyMap<number, MessageType> = buildCatalogue();

function buildCatalogue(): Map<number, MessageType> {
  const table = new Map<number, MessageType>();
  for (const type of families.flatMap((family) => family.messages)) {
    const twin = table.get(type.number);
    if (twin !== undefined) throw new CpnsError('Internal', 'BadCatalogue', `${type.name} and ${twin.name} share number ${type.number}.`);
    table.set(type.number, type);
  }
  return table;
}
