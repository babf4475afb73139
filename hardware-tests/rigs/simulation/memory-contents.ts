import { createHash } from 'node:crypto';
import { type ContentSource, notOffered } from '@cpns/agent';
import type { Content } from '@cpns/shared/messages';
import type { OfferedText } from '../rig.js';

/** What a device without a disk offers to others. */
export class MemoryContents implements ContentSource {
  #offered: ReadonlyMap<string, { readonly content: Content; readonly octets: Uint8Array }> = new Map();

  constructor(offered: readonly OfferedText[]) {
    this.offer(offered);
  }

  /** Offers this from now on, and nothing else. */
  offer(offered: readonly OfferedText[]): void {
    this.#offered = new Map(
      offered.map(({ name, text, chargeable = false, conditions }) => {
        const octets = Buffer.from(text);
        const contentId = createHash('sha256').update(octets).digest('hex');
        const content = { contentId, name, type: 'text/plain', size: octets.length, chargeable, ...(conditions && { conditions }) };
        return [contentId, { content, octets }];
      }),
    );
  }

  list(): readonly Content[] {
    return [...this.#offered.values()].map(({ content }) => content);
  }

  problems(): readonly string[] {
    return [];
  }

  async read(contentId: string, offset: number, length: number): Promise<Uint8Array> {
    const offered = this.#offered.get(contentId);
    if (offered === undefined) throw notOffered(contentId);
    return new Uint8Array(offered.octets.subarray(offset, offset + length));
  }
}
