const WINDOW = 'shared/src/security/replay-window.ts';
const DOOR = 'server/src/enabler/uplink-door.ts';
const KEY_TREE = 'shared/src/security/key-tree';
const MESSAGES = 'shared/src/security/keyed-messages.ts';
const GROUPS = 'server/src/enabler/groups';
const MEMBER = 'agent/src/entity/groups';

/** Checks whose absence no test can notice, because something else gives the same result, each with the reason. By name. */
export const EQUIVALENT: ReadonlyMap<string, string> = new Map([
  [
    `${WINDOW}: seq <= this.#highest - BigInt(REPLAY_WINDOW) (off by one)`,
    'The number exactly one window below the highest has the slot of the highest, which is taken.',
  ],
  [`${WINDOW}: seq > this.#highest (off by one) #2`, 'The highest number itself is not fresh, so it does not come that far.'],
  [
    `${WINDOW}: seq - this.#highest >= BigInt(REPLAY_WINDOW) (off by one)`,
    'At a distance of exactly one window all slots between are cleared one by one, and the last one is taken again.',
  ],
  [`${MESSAGES}: over.length === 0 (never refuses)`, 'It saves work: when nothing is over, what is kept is what was there.'],
  [`${MESSAGES}: epoch < newest (off by one)`, 'The newest epoch is found, so this is not asked of it.'],
  [
    'shared/src/security/ordered-records.ts: this.#plain.length < length (off by one)',
    'It saves work: a buffer that is just long enough is made anew.',
  ],
  ['shared/src/security/record.ts: plainLength > MAX_CONTENT (off by one)', 'The bucket of the longest content is the longest content.'],
  ...['never refuses', 'off by one'].map(
    (breakage) =>
      [
        `shared/src/security/sk-record.ts: this.#cache.size <= CACHED_INSTS (${breakage})`,
        'It saves work: keys that are not kept are derived again.',
      ] as const,
  ),
  ['server/src/enabler/proof.ts: !(error instanceof CpnsError) (never refuses)', 'No input brings about a fault of ours.'],
  ['server/src/enabler/challenges.ts: left > 0 (off by one)', 'It saves memory: a PN GW with no open challenge needs no entry.'],
  ["agent/src/gateway/challenge.ts: via.kind === 'pan' (part left out)", 'For the compiler: another hop has no PN ID.'],
  ["agent/src/gateway/routing-table.ts: hop.kind !== 'pan' (part left out) #2", 'For the compiler: another hop has no PN ID.'],
  [`${DOOR}: octets === undefined (never refuses)`, 'It saves work: nothing is not an envelope, which is dropped in the same way.'],
  [`${DOOR}: flow.kept (never refuses)`, 'It saves a look into the inbox: answers of other flows are not there.'],
  [`${DOOR}: !CONTENT.has(type.number) (part left out)`, 'It saves lines in the log: nothing is let in or refused by it.'],
  [`${DOOR}: error instanceof CpnsError (never refuses)`, 'For the compiler: other errors have no such property.'],
  [`${KEY_TREE}/key-tree.ts: height > this.#store.height() (off by one)`, 'It saves work: the height that there is would be stored again.'],
  [`${KEY_TREE}/member-keys.ts: own.length > 0 (off by one)`, 'It saves memory: a part without a node of the own path need not be kept.'],
  [`${KEY_TREE}/rekey-part.ts: !(map instanceof Map) (part left out)`, 'For the compiler: nothing else has a size of nine.'],
  [`${KEY_TREE}/rekey-part.ts: a.underNode < b.underNode (off by one)`, 'It is asked of those that differ.'],
  [`${GROUPS}/batches.ts: closesAtMs < batch.closesAtMs (off by one)`, 'A batch that is to close at the same time closes then.'],
  ...['octets + octetCount(groupInfo, info) <= ANSWER_OCTETS', 'items + itemsOf(info) <= ANSWER_ITEMS'].map(
    (bound) => [`${GROUPS}/discover.ts: ${bound} (off by one)`, 'The bound is well inside what an answer may have.'] as const,
  ),
  ...['part left out', 'off by one'].map(
    (breakage) => [`${GROUPS}/discover.ts: objects.length > 0 (${breakage})`, 'An empty list says the same as none.'] as const,
  ),
  [`${GROUPS}/invite.ts: agreed.length === 0 (never refuses)`, 'It saves a batch in which nobody comes or goes.'],
  [`${GROUPS}/messages.ts: members.length === 0 (never refuses)`, 'It saves a transaction: for nobody nothing is kept.'],
  [`${GROUPS}/place.ts: session === undefined (never refuses)`, 'For the compiler: these messages come in sessions alone.'],
  [`${GROUPS}/rekey-delivery.ts: parts.length === 0 (never refuses)`, 'It saves timers: there is nothing to repeat.'],
  [`${GROUPS}/rekey-delivery.ts: late.size === 0 (never refuses)`, 'It saves a timer: nobody waits for what it would repeat.'],
  [
    `${GROUPS}/rekey-delivery.ts: (groups.find(sgId)?.memberCount ?? 0) <= acknowledged.size (off by one)`,
    'It saves work: where all have acknowledged, nobody is found who has not.',
  ],
  [`${GROUPS}/rekey-delivery.ts: !downlink.reaches(session) (part left out)`, 'It saves sealing what nobody takes.'],
  [`${GROUPS}/resync.ts: part === undefined (never refuses)`, 'For the compiler: a path makes one part.'],
  ...['a < b', 'left.name < right.name'].map(
    (order) => [`${MEMBER}/group-book.ts: ${order} (off by one)`, 'It is asked of those that differ.'] as const,
  ),
  [`${MEMBER}/groups.ts: held < epoch (off by one)`, 'What is due of the epoch that is held is overtaken.'],
]);
