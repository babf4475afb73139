import { toHex } from '@cpns/shared/security';
import { everybody, type Invariant } from './world.js';

/** No request has an effect twice, however often it was carried. */
export const once: Invariant = {
  name: 'no request is executed twice',
  violations(world) {
    const { server, asked, wanted } = world;
    const wrong: string[] = [];
    for (const id of new Set(everybody(world).map((device) => device.id))) {
      const received = everybody(world)
        .filter((device) => device.id === id)
        .flatMap((device) => device.received.map(({ data }) => `${data.from}/${toHex(data.id)}`));
      for (const message of repeated(received)) wrong.push(`${id} was shown message ${message} more than once`);
    }
    for (const change of repeated(server.changes.done)) wrong.push(`the server did this more than once: ${change}`);
    for (const [id, times] of asked ?? []) {
      const made = server.changes.created.filter((initiator) => initiator === id).length;
      if (made > times) wrong.push(`${id} was asked to establish ${times} times, and ${made} PNs came of it`);
    }
    for (const id of wanted === undefined ? [] : new Set(server.changes.added.map(({ entityId }) => entityId))) {
      const came = server.changes.added.filter(({ entityId }) => entityId === id).length;
      const times = wanted?.get(id) ?? 0;
      if (came > times) wrong.push(`${id} was wanted in a PN ${times} times, and came into one ${came} times`);
    }
    return wrong;
  },
};

function repeated(items: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const item of items) (seen.has(item) ? twice : seen).add(item);
  return twice;
}
