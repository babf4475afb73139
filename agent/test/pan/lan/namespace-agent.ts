import { createInterface } from 'node:readline';
import type { CpnsError } from '@cpns/shared';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import type { Announcement, Sighting } from '../../../src/entity/pan-technology.js';
import { type LanOptions, LanTechnology } from '../../../src/pan/lan/lan-technology.js';

/** What the process prints, one JSON object a line. */
export type Report =
  | { readonly event: 'started' | 'accepted' | 'dialled' | 'stopped' }
  | { readonly event: 'sighted'; readonly sighting: Sighting }
  | { readonly event: 'lost'; readonly id: string }
  | { readonly event: 'problem' | 'failed'; readonly text: string };

/** What the process is told, one JSON object a line. */
export type Command =
  | { readonly do: 'dial'; readonly addresses: readonly string[] }
  | { readonly do: 'announce'; readonly announcement: Announcement }
  | { readonly do: 'refresh' | 'stop' };

const report = (line: Report) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as Pick<LanOptions, 'id'> & Partial<LanOptions>;
  const lan = new LanTechnology({ clock: new SystemClock(), entropy: systemEntropy, logger: new MemoryLogger(), ...options });
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const command = JSON.parse(line) as Command;
    if (command.do === 'announce') lan.announce(command.announcement);
    else if (command.do === 'refresh') lan.refresh();
    else if (command.do === 'dial') {
      lan.dial(command.addresses, new AbortController().signal).then(
        () => report({ event: 'dialled' }),
        (error: CpnsError) => report({ event: 'failed', text: error.message }),
      );
    } else {
      await lan.stop();
      report({ event: 'stopped' });
    }
  });
  await lan.start({
    sighted: (sighting) => report({ event: 'sighted', sighting }),
    lost: (id) => report({ event: 'lost', id }),
    accepted: () => report({ event: 'accepted' }),
    problem: (sentence) => report({ event: 'problem', text: sentence ?? 'over' }),
  });
  report({ event: 'started' });
}

await main();
