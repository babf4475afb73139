import {
  GROUP_AT_GATEWAY,
  GROUP_AT_MEMBER,
  GROUP_AT_SERVER,
  type OutcomeTable,
  PN_AT_GATEWAY,
  PN_AT_PNE,
  PN_AT_SERVER,
  PNE_AT_GATEWAY,
  PNE_AT_SERVER,
} from '@cpns/shared/testing';

function table({ head, states, rows }: OutcomeTable): string {
  return [
    `| ${head} | ${states.join(' | ')} |`,
    `|${'---|'.repeat(states.length + 1)}`,
    ...rows.map(({ name, outcomes }) => `| ${name} | ${states.map((state) => outcomes[state]).join(' | ')} |`),
  ].join('\n');
}

/** What the server, a PN GW and a PNE make of each message in each state. */
export function outcomeTables(): string {
  return [
    '**The server**, of messages of a PN GW. The PNE that they are about is in no PN. A PN that is Suspended has no PN GW that could ask.',
    table(PN_AT_SERVER),
    'The same by the state of the PNE in a PN that is Established, and of messages of that PNE in its own session (`of the PNE`). Requested: a run of the handshake is under way. A member that proves itself again has a new session, and nothing else changes.',
    table(PNE_AT_SERVER),
    '**A PN GW**, of messages of a linked PNE and of the server. The PNE is the one that asked for the PN, or a member of it.',
    table(PN_AT_GATEWAY),
    'The same by the state of the PNE in a PN that is Established, as far as its own messages go.',
    table(PNE_AT_GATEWAY),
    '**A PNE**, of messages of the PN GW and of the server.',
    table(PN_AT_PNE),
    '**The server**, of messages about a service group. Their sender, in the session of its PN, belongs to the user of the owner. Unknown: there is no such group; Asked, Offered: its word is waited for, on an invitation or on owning the group. `taken`: who waited for it goes on.',
    table(GROUP_AT_SERVER),
    '**A device**, of messages of the server and its PN GW about a service group. Asked: a person sees the question; Keyless: it is in, and the Group Key has not come; Left: by itself, expelled, or with the group. `shown`: the message is given to the person.',
    table(GROUP_AT_MEMBER),
    '**A PN GW**, of what it carries for the members behind it. Where it is a member itself, it is a device as above.',
    table(GROUP_AT_GATEWAY),
  ].join('\n\n');
}
