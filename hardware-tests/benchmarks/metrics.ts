/** The metrics of a server by name, from `/metrics` of its admin API. */
export async function metricsOf(adminUrl: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(new URL('/metrics', adminUrl), { signal });
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}
