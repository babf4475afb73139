import type { ControlClient, ControlEvent } from '@cpns/agent';

const MOST_HEARD = 10_000;

/** Adds what the agent's `watch` tells from now on to `heard`. Resolves when nothing is missed any more. */
export async function hear(client: ControlClient, heard: ControlEvent<'watch'>[]): Promise<void> {
  const onEvent = (event: ControlEvent<'watch'>) => {
    if (heard.length < MOST_HEARD) heard.push(event);
  };
  // Ends with the agent, or with the connection.
  client.request('watch', {}, { onEvent, timeoutMs: Number.POSITIVE_INFINITY }).catch(() => {});
  // Requests of one connection begin in their order.
  await client.request('status', {});
}
