import { describe, expect, it } from 'vitest';
import { replay } from '../../fuzz/campaign.js';
import { readCorpus } from '../../fuzz/corpus.js';
import { TARGETS } from '../../fuzz/targets.js';

describe('the corpus, with everything that once was a finding', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('%s', async (_name, target) => {
    const entries = await readCorpus(target);
    await replay(
      target,
      entries.map(({ data }) => data),
    );
    expect(entries.length).toBeGreaterThan(0);
  });
});
