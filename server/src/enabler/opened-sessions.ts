import type { EntityId, PnId } from '@cpns/shared';
import type { Tx } from '../inventory/database.js';
import type { EnablerContext } from './context.js';
import type { ProvenPne } from './proof.js';
import { Session } from './session.js';

/** Makes the session of a member within a transaction; it is filed when that is durable. */
export type OpenSession = (tx: Tx, member: ProvenPne) => Session;

/**
 * Runs `work`, which may open a session for each of `passed`. Sessions of a transaction that fails are erased, and so are the keys of
 * those who passed and were not let in. @throws what `work` throws
 */
export async function openingSessions(
  context: EnablerContext,
  { pnId, gateway }: { readonly pnId: PnId; readonly gateway: EntityId },
  passed: readonly ProvenPne[],
  work: (open: OpenSession) => Promise<void>,
): Promise<void> {
  const opened: Session[] = [];
  try {
    await work((tx, { pne, material }) => {
      const session = new Session({ ...context, entityId: pne, pnId, gateway, material });
      opened.push(session);
      tx.afterCommit(() => context.sessions.file(session));
      return session;
    });
  } catch (error) {
    for (const session of opened) session.erase();
    throw error;
  } finally {
    // Those who passed and were let in have given their keys to their sessions.
    for (const { material } of passed) if (!opened.some((session) => session.holds(material))) material.sk.erase();
  }
}
