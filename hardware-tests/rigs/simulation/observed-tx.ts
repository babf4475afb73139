import type { Database } from '@cpns/server';
import type { EntityId, PnId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';

type Tx = Parameters<Parameters<Database['transact']>[0]>[0];

/** What the transactions of a server did that must happen once. */
export interface Changes {
  /** In words; each of them stands for one request or one change that nobody can ask for twice. */
  readonly done: string[];
  /** Initiators of the PNs that were made, in order. */
  readonly created: EntityId[];
  /** Who was in which PN from its beginning, `PN PNE`. */
  readonly founders: Set<string>;
  /** Who came into which PN that stood, in order, and the epoch of the PN key until then. */
  readonly added: { readonly pnId: PnId; readonly entityId: EntityId; readonly keyEpoch: number }[];
}

/** The same transaction, whose changes are written down when it is durable. */
export function observedTx(tx: Tx, { done, created, founders, added }: Changes): Tx {
  const note = (what: string) => tx.afterCommit(() => done.push(what));
  return {
    ...tx,
    afterCommit: (action) => tx.afterCommit(action),
    pns: overriding(tx.pns, {
      create(pn) {
        const record = tx.pns.create(pn);
        note(`made ${pn.pnId}`);
        tx.afterCommit(() => {
          created.push(pn.initiator);
          for (const { entityId } of pn.members) founders.add(`${pn.pnId} ${entityId}`);
        });
        return record;
      },
      addMembers(pnId, members, sealedKey) {
        const keyEpoch = tx.pns.find(pnId)?.keyEpoch ?? 0;
        const record = tx.pns.addMembers(pnId, members, sealedKey);
        tx.afterCommit(() => added.push(...members.map(({ entityId }) => ({ pnId, entityId, keyEpoch }))));
        return record;
      },
      removeMembers(pnId, entityIds, sealedKey) {
        const record = tx.pns.removeMembers(pnId, entityIds, sealedKey);
        for (const id of entityIds) {
          const entries = added.filter((one) => one.pnId === pnId && one.entityId === id).length;
          note(`took ${id} out of ${pnId}${entries === 0 ? '' : `, entry ${entries}`}`);
        }
        return record;
      },
    }),
    inbox: overriding(tx.inbox, {
      file(request) {
        tx.inbox.file(request);
        const { sender, actedFor, transaction } = request.key;
        note(`concluded request ${toHex(transaction)} of ${sender}${actedFor && ` for ${actedFor}`}`);
      },
    }),
    receivedData: overriding(tx.receivedData, {
      store(message) {
        const fresh = tx.receivedData.store(message);
        if (fresh) note(`took message ${toHex(message.messageId)} of ${message.from}`);
        return fresh;
      },
    }),
  };
}

/** `target` with some of its methods replaced. */
function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(own, property) {
      const replaced = Reflect.get(methods, property);
      if (replaced !== undefined) return replaced;
      const member = Reflect.get(own, property);
      return typeof member === 'function' ? member.bind(own) : member;
    },
  });
}
