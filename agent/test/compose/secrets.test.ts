import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../src/control/api/logs.js';
import { DeviceState } from '../../src/entity/device-state.js';
import { readPairingLink } from '../../src/pan/qr/pairing-link.js';
import { FileStore } from '../../src/store/file-store.js';
import { ComposedAgent, clock, enrolmentCode } from '../support/composed-agent.js';
import { pair } from '../support/pairing.js';

/** Every way in which octets show in a text. */
const forms = (octets: Uint8Array): string[] => {
  const buffer = Buffer.from(octets);
  return [
    buffer.toString('hex'),
    buffer.toString('base64').replace(/=+$/, ''),
    buffer.toString('base64url'),
    buffer.join(','),
    buffer.toString('latin1'),
  ];
};

async function keysOf(agent: ComposedAgent): Promise<Uint8Array[]> {
  const store = await FileStore.open({ directory: agent.place.stateDirectory, clock, logger: new MemoryLogger() });
  const state = new DeviceState(store);
  const keys = [state.enrolment?.prk, ...[...state.pairings().values()].map(({ kPair }) => kPair)];
  await store.close();
  return keys.filter((key) => key !== undefined);
}

describe('secrets', () => {
  it('stay out of every log and of every file but the state', async () => {
    const euKey = systemEntropy.bytes(32);
    const config = { rest: 'log: { level: debug }' };
    const [shower, taker] = await Promise.all([ComposedAgent.make({ config }), ComposedAgent.make({ config })]);
    await shower.enrol(enrolmentCode(shower.id, { euKey }));
    await taker.enrol();
    await Promise.all([shower.start(), taker.start()]);
    const shown = pair(shower, 'pair.link.show', {});
    const { link } = await shown.first('link');
    const token = readPairingLink(link).link.token.reveal().slice();
    await pair(taker, 'pair.link.take', { link }).result;
    await shown.result;
    await Promise.all([shower.linked(taker.id), taker.linked(shower.id)]);

    const lines: LogLine[] = [];
    await shower.client.request('logs', { level: 'debug', last: 1000 }, { onEvent: (line) => lines.push(line) });
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.map(({ message }) => message)).toContain(`Linked with ${taker.id}.`);
    await Promise.all([shower.stop(), taker.stop()]);

    const keys = [euKey, token, ...(await keysOf(shower)), ...(await keysOf(taker))];
    expect(keys).toHaveLength(6);
    const texts = [shower.log, taker.log, JSON.stringify(lines)];
    for (const { place } of [shower, taker]) {
      for (const entry of await readdir(place.stateDirectory, { recursive: true, withFileTypes: true })) {
        if (entry.isFile() && entry.name !== 'state.log') texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
      }
    }
    for (const text of texts) for (const key of keys) for (const form of forms(key)) expect(text.includes(form)).toBe(false);
  });

  it('do not come into the log with a code that is refused', async () => {
    const agent = await ComposedAgent.make();
    const code = enrolmentCode(agent.id);
    await expect(agent.enrol(`${code}0`)).rejects.not.toThrow(code.slice(10, 30));
    expect(agent.log).not.toContain(code.slice(10, 30));
  });
});
