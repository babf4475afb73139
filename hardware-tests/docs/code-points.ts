import * as messages from '@cpns/shared/messages';
import { statusSentence } from '@cpns/shared/messages';
import { ENC, EXPAND, INNER_TYPE, RECORD_TYPE, SALT } from '@cpns/shared/security';

/** Named numbers that travel, with what they are. The names are those of the code and of `--json` output. */
const ENUMERATIONS: readonly (readonly [name: string, values: Readonly<Record<string, number>>, says: string])[] = [
  ['Mode', messages.Mode, 'Mode of a CPNS entity, as bit flags'],
  ['SetupType', messages.SetupType, 'Type of PN Setup: 1-1, All, named PNEs'],
  ['RequestFlow', messages.RequestFlow, 'What a hello asks for'],
  ['PneState', messages.PneState, 'State of a PNE in a PN, in Reconcile'],
  ['PneAction', messages.PneAction, 'Action of a PNE Request'],
  ['PnOperation', messages.PnOperation, 'What a PN Update does'],
  ['RemoveReason', messages.RemoveReason, 'Why a PNE is removed'],
  ['Addressee', messages.Addressee, 'To whom application data goes'],
  ['SgAction', messages.SgAction, 'Action of SGActionRequest (1 and 4: seed 000)'],
  ['ResyncReason', messages.ResyncReason, 'Why a Group Key is asked for again'],
  ['NetworkKind', messages.NetworkKind, 'Kind of network, in Device Capabilities'],
  ['PanKind', messages.PanKind, 'PAN technology, in Device Capabilities'],
  ['record type', RECORD_TYPE, 'First octet of a record (0 marks a frame in clear)'],
  ['inner type', INNER_TYPE, 'What a record carries'],
];

/** Code points of docs/protocol.md. */
export function codePoints(): string {
  const statuses = Object.entries(messages.Status).map(([name, value]) => `| ${value} | ${name} | ${statusSentence(value)} |`);
  const lists = ENUMERATIONS.map(([name, values, says]) => {
    const points = Object.entries(values).map(([point, value]) => `${value} ${point}`);
    return `| ${name} | ${points.join(' · ')} | ${says} |`;
  });
  return [
    '| status | name | meaning |',
    '|---|---|---|',
    ...statuses,
    '',
    '| name | values | what it is |',
    '|---|---|---|',
    ...lists,
  ].join('\n');
}

/** Every label of docs/security.md: the text that keeps one use of a key or hash apart from all others. */
export function labelTable(): string {
  const rows = (table: Readonly<Record<string, string>>) =>
    Object.values(table).map((label) => `\`${JSON.stringify(label).slice(1, -1)}\``);
  return [
    '| used as | labels |',
    '|---|---|',
    `| salt of Extract | ${rows(SALT).join(' · ')} |`,
    `| label of Expand (those that end in a space are followed by a direction) | ${rows(EXPAND).join(' · ')} |`,
    `| first items of enc in transcripts and associated data | ${rows(ENC).join(' · ')} |`,
  ].join('\n');
}
