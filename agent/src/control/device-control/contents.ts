import { createHash } from 'node:crypto';
import { CpnsError } from '@cpns/shared';
import { partCount } from '@cpns/shared/messages';
import { altered } from '../../entity/contents.js';
import type { ContentsControl } from '../api/contents.js';
import type { ControlContext } from './control-context.js';
import { contentReport } from './pn-report.js';

export function contentsControl({ current, clock, settings }: ControlContext): ContentsControl {
  return {
    async fetch({ content: wanted, from, pnId }, { emit, signal }) {
      const { device, signal: ending } = current();
      const found = device.contents.find({ content: wanted, from, pnId });
      const { contentId, name, size } = found.content;
      const { contentOctets } = settings.limits;
      if (size > contentOctets)
        throw new CpnsError('State', 'ContentTooLarge', `"${name}" has ${size} octets: raise limits.contentOctets (${contentOctets}).`);
      const content = contentReport(found.content);
      const hash = createHash('sha256');
      const startedAtMs = clock.monotonicMs();
      emit({ type: 'begins', content, parts: partCount(size) });
      const take = (payload: Uint8Array, part: number) => {
        hash.update(payload);
        emit({ type: 'part', part, payload: Buffer.from(payload).toString('base64') });
      };
      await device.contents.fetch(found, take, AbortSignal.any([signal, ending]));
      if (hash.digest('hex') !== contentId) throw altered(found);
      return { pnId: found.pnId, from, content, afterMs: Math.round(clock.monotonicMs() - startedAtMs) };
    },
  };
}
