import type { Fetched } from '../../control/api/contents.js';
import type { PnContent } from '../../control/api/networks.js';

/** One content for people. */
export function contentText({ name, type, size, chargeable, conditions }: PnContent): string {
  const octets = size === undefined ? 'cannot be fetched' : octetsText(size);
  const more = [type, octets, ...(chargeable ? ['chargeable'] : []), ...(conditions === undefined ? [] : [conditions])];
  return `${name} (${more.join(', ')})`;
}

/** What is about to come, and under which conditions. */
export function beginsText({ conditions, chargeable, ...content }: PnContent, from: string): string[] {
  return [
    `Fetching ${contentText({ ...content, chargeable: false })} from ${from}.`,
    ...(conditions === undefined ? [] : [`  Conditions: ${conditions}`]),
    ...(chargeable ? ['  It is to be paid for.'] : []),
  ];
}

export function fetchedText({ content, from, afterMs }: Pick<Fetched, 'content' | 'from' | 'afterMs'>, path: string): string[] {
  return [`${content.name} of ${from} is in ${path}: ${octetsText(content.size ?? 0)} in ${Math.round(afterMs)} ms.`];
}

function octetsText(octets: number): string {
  if (octets < 1024) return `${octets} octets`;
  const kib = octets / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
