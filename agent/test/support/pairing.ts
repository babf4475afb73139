import type { PairingCodeEvent, PairingEvent, PairingResult } from '../../src/control/api/pairing.js';
import type { ControlParams } from '../../src/control/control-api.js';
import { type ComposedAgent, neighbours } from './composed-agent.js';

type Answer = ControlParams<'pair.answer'>['answer'];
type PairMethod = 'pair.open' | 'pair.peer' | 'pair.link.show' | 'pair.link.take';

const LONGER_THAN_A_WINDOW_MS = 130_000;

/** A pairing at one device, with what its person is shown. */
export interface PairingSide {
  readonly events: PairingEvent[];
  readonly result: Promise<PairingResult>;
  /** The first event of a kind. */
  first<T extends PairingEvent['type']>(type: T): Promise<PairingEvent & { type: T }>;
}

/** Begins a pairing at `agent`; `says` answers each code that is shown. */
export function pair<M extends PairMethod>(
  agent: ComposedAgent,
  method: M,
  params: ControlParams<M>,
  options: { readonly says?: (event: PairingCodeEvent) => Answer; readonly signal?: AbortSignal } = {},
): PairingSide {
  const { says = () => ({ type: 'yes' }) as const, signal } = options;
  const events: PairingEvent[] = [];
  let noted = () => {};
  const onEvent = (event: PairingEvent) => {
    events.push(event);
    noted();
    if (event.type !== 'code') return;
    // Over before it was answered: what became of it is told by the pairing itself.
    agent.client.request('pair.answer', { attempt: event.attempt, answer: says(event) }).catch(() => {});
  };
  const result = agent.client.request<PairMethod>(method, params as ControlParams<PairMethod>, {
    onEvent,
    timeoutMs: LONGER_THAN_A_WINDOW_MS,
    ...(signal && { signal }),
  });
  result.catch(() => {});
  return {
    events,
    result,
    async first(type) {
      for (;;) {
        const found = events.find((event) => event.type === type);
        if (found !== undefined) return found as never;
        await new Promise<void>((resolve) => {
          const before = noted;
          noted = () => {
            before();
            resolve();
          };
        });
      }
    },
  };
}

/** Pairs two agents that are near each other by code; both people say yes. */
export async function pairByCode(a: ComposedAgent, b: ComposedAgent): Promise<void> {
  await Promise.all([pair(a, 'pair.peer', { peer: b.id }).result, pair(b, 'pair.peer', { peer: a.id }).result]);
  await Promise.all([a.linked(b.id), b.linked(a.id)]);
}

/** Two agents that are paired and linked. */
export async function pairedNeighbours(...options: Parameters<typeof neighbours>) {
  const both = await neighbours(...options);
  await pairByCode(...both);
  return both;
}
