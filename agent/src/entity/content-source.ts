import { CpnsError } from '@cpns/shared';
import type { Content } from '@cpns/shared/messages';

/** What this device offers to the members of its personal networks, and the octets of it. Nothing else can be read through it. */
export interface ContentSource {
  /** At most 16, of at most `MAX_CONTENTS_OCTETS` together; each with its size, and SHA-256 as its id. */
  list(): readonly Content[];
  /** Why something that should be offered is not, one sentence each. */
  problems(): readonly string[];
  /** `length` octets from `offset` on. @throws CpnsError State/NotOffered: it is not offered (any more), or has changed */
  read(contentId: string, offset: number, length: number): Promise<Uint8Array>;
}

/** For {@link ContentSource.read}. */
export function notOffered(contentId: string): CpnsError {
  return new CpnsError('State', 'NotOffered', `Content ${contentId} is not offered here (any more).`);
}

export const nothingOffered: ContentSource = {
  list: () => [],
  problems: () => [],
  read: async (contentId) => {
    throw notOffered(contentId);
  },
};
