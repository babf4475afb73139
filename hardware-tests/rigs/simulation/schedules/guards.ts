import type { Mutant } from '../../../mutants/workshop.js';

/** A guard that is taken away, and the tests of which one must notice. */
export interface Guard extends Mutant {
  readonly tests: readonly string[];
}

const RIGHTS = 'server/test/enabler/rights.test.ts';

/**
 * Guards of the ways into PNs and out of them, against devices that lie, policies that no schedule has, and a power cut in the one moment
 * that matters: schedules cannot notice, or hardly ever.
 */
export const GUARDS: readonly Guard[] = [
  {
    name: 'anybody may come into a PN',
    file: 'server/src/enabler/membership-policy.ts',
    find: "return invited || (ownerAgrees && guests === 'ask') || reads.invitations.welcomes(host.userId, device, pnId)",
    replace: 'return true',
    tests: [RIGHTS],
  },
  {
    name: 'what a PNE said in one flow lets it into a PN by another',
    file: 'server/src/enabler/join.ts',
    find: '(request) => request.flow === RequestFlow.Join',
    replace: '() => true',
    tests: ['server/test/enabler/entry.test.ts'],
  },
  {
    name: 'a newcomer registers that nobody has added',
    file: 'server/src/enabler/register.ts',
    find: 'if (isNewcomer) requireAdded(inventory.reads, gateway, pnId, applicant.pne);',
    replace: 'if (isNewcomer) requireOwnPn(inventory.reads, gateway, pnId);',
    tests: [RIGHTS],
  },
  {
    name: 'any PN GW lets PNEs leave',
    file: 'server/src/enabler/leave.ts',
    find: 'return session?.own ? pn.gateway === sender :',
    replace: 'return session?.own ? true :',
    tests: [RIGHTS],
  },
  {
    name: 'a PN GW lets PNEs into the PN of another one',
    file: 'server/src/enabler/entry.ts',
    find: 'if (pn?.gateway !== gateway) throw',
    replace: 'if (pn === undefined) throw',
    tests: [RIGHTS],
  },
  {
    name: 'the word of a PN GW ends a PN outside of its PAN session, too',
    file: 'agent/src/pne/pne.ts',
    find: 'if (isPanOf(hop, pnId)) await context.settling.run(pnId, () => forgetPn(context, pnId));',
    replace: 'if (hop.kind !== "clear") await context.settling.run(pnId, () => forgetPn(context, pnId));',
    tests: ['hardware-tests/test/threats/t24-forged-notice.test.ts'],
  },
  {
    name: 'an expulsion is forgotten when the PN GW restarts',
    file: 'agent/src/gateway/removals.ts',
    find: 'for (const { pnId, pne, reason } of state.removals()) this.#add(pnId, [pne], reason);',
    replace: 'for (const { pnId, pne, reason } of state.removals().slice(0, 0)) this.#add(pnId, [pne], reason);',
    tests: ['hardware-tests/test/simulation/ways-out.test.ts'],
  },
];
