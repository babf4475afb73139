import type { Schema, StructSchema } from '@cpns/shared/messages';
import * as messages from '@cpns/shared/messages';

/** A structure that stands in more than one message, or travels as octets of its own. */
interface Structure {
  readonly name: string;
  readonly schema: StructSchema<unknown>;
  readonly says: string;
}

const named = (name: string, schema: unknown, says: string): Structure => ({ name, schema: schema as StructSchema<unknown>, says });

/** In the order in which the document shows them; those that hold others come first. */
const STRUCTURES: readonly Structure[] = [
  named('hello', messages.hello, 'First words of a PNE; a PN GW forwards them octet for octet.'),
  named('gatewayHello', messages.gatewayHello, 'First words of a PN GW that speaks for itself; the keys are those of `hello`.'),
  named('helloRequest', messages.helloRequest, 'What stands, as octets, in `hello.request`.'),
  named('challenge', messages.challenge, "The server's challenge as one PNE gets it."),
  named('inventory', messages.inventory, 'One page of a PN Inventory, or a change of it.'),
  named('member', messages.member, 'One line of a PN Inventory.'),
  named('deviceCapabilities', messages.deviceCapabilities, 'What stands, as octets, in every field called capabilities.'),
  named('subscription', messages.subscription, 'Subscription information.'),
  named('content', messages.content, 'One content that a device offers.'),
  named('serverKey', messages.serverKey, 'A key with which the server signs rekeys.'),
  named('applicationData', messages.applicationData, 'One message of an application.'),
  named('dataReceipt', messages.dataReceipt, "The addressee's word on it."),
  named('pnDataContent', messages.pnDataContent, 'What a PN message holds once it is open: exactly one of these.'),
  named('contentRequest', messages.contentRequest, 'The wish for one part of a content.'),
  named('contentPart', messages.contentPart, 'That part, or why there is none.'),
  named('pneOutcome', messages.pneOutcome, 'What became of one PNE.'),
];

const shortened = (describe: string) =>
  describe.replaceAll(messages.statusField.describe, 'status (a.7)').replaceAll('4294967295', '2^32 - 1');

/** `schema` in words, with structures of the table by name. `within`: the structure that is being shown itself. */
export function describeSchema(schema: Schema<unknown>, within?: string): string {
  let text = shortened(schema.describe);
  for (const { name, schema: known } of [...STRUCTURES].sort((a, b) => b.schema.describe.length - a.schema.describe.length)) {
    if (name !== within) text = text.replaceAll(shortened(known.describe), `**${name}**`);
  }
  return text.replaceAll('|', '\\|');
}

/** The rows of one structure or message body. */
export function fieldRows(body: StructSchema<unknown>, within?: string): string[] {
  return Object.entries(body.fields)
    .sort(([, a], [, b]) => a.key - b.key)
    .map(([name, field]) => `| ${field.key} | ${name}${field.optional ? ' (optional)' : ''} | ${describeSchema(field.schema, within)} |`);
}

export const FIELD_HEAD = ['| key | field | value |', '|---|---|---|'];

/** The shared structures of docs/protocol.md. */
export function structureTables(): string {
  return STRUCTURES.map(({ name, schema, says }) =>
    [`#### ${name}`, '', says, '', ...FIELD_HEAD, ...fieldRows(schema, name), ''].join('\n'),
  ).join('\n');
}
