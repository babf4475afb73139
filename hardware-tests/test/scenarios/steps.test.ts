import { PassThrough } from 'node:stream';
import { createLogger } from '@cpns/shared/node';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { type Received, receivedLine } from '../../rigs/received.js';
import type { Stage } from '../../rigs/rig.js';
import { type Party, type Steps, watchSteps } from '../../scenarios/acts/steps.js';
import { Telling } from '../../scenarios/scenario.js';

const [ASK, ANSWER] = [{ name: 'Ask' }, { name: 'Answer' }];

function told() {
  const clock = new VirtualClock();
  const took = { server: [] as Received[], phone: [] as Received[], laptop: [] as Received[] };
  const server: Party = { id: 'rig-1', received: took.server };
  const [phone, laptop]: Party[] = [
    { id: 'phone', received: took.phone },
    { id: 'laptop', received: took.laptop },
  ];
  const said: string[] = [];
  const t = new Telling({ clock, server } as unknown as Stage, (text) => said.push(text));
  const run = (steps: Steps, crossed = watchSteps(t, [phone as Party, laptop as Party])) => clock.run(crossed(steps));
  return { t, took, server, phone: phone as Party, laptop: laptop as Party, said, run };
}

describe('the steps of a figure', () => {
  it('are found in their order, and said with their numbers', async () => {
    const { t, took, server, phone, laptop, said, run } = told();
    took.laptop.push({ atMs: 1, from: 'phone', message: 'Ask' });
    const crossed = watchSteps(t, [phone, laptop]);
    took.server.push({ atMs: 5, from: 'laptop', message: 'Ask' });
    took.laptop.push({ atMs: 7, from: 'server', message: 'Answer' });
    took.phone.push({ atMs: 6, from: 'laptop', message: 'Answer' });
    const steps: Steps = [
      ['2', laptop, server, ASK],
      [
        ['3', server, laptop, ANSWER],
        ['4', laptop, phone, ANSWER],
      ],
    ];
    await run(steps, crossed);
    expect(said).toEqual(['  2. laptop -> server: Ask', '  3. server -> laptop: Answer', '  4. laptop -> phone: Answer']);
    await expect(run([['1', phone, laptop, ASK], ...steps], crossed)).rejects.toThrow('step 1: laptop takes "Ask" from phone');
  });

  it('are not accepted in another order, or from somebody else', async () => {
    const { took, server, phone, laptop, run } = told();
    const under = run([
      ['1', phone, laptop, ASK],
      ['2', laptop, server, ASK],
    ]);
    took.server.push({ atMs: 1, from: 'laptop', message: 'Ask' });
    took.laptop.push({ atMs: 2, from: 'phone', message: 'Ask' });
    await expect(under).rejects.toThrow('step 2');
  });

  it('may answer one of several messages before the others have arrived, but not before the message itself', async () => {
    const { t, took, server, phone, laptop, run } = told();
    const asked: Steps[number] = [
      ['1', laptop, phone, ASK],
      ['2', laptop, server, ASK],
    ];
    const crossed = watchSteps(t, [phone, laptop]);
    took.phone.push({ atMs: 5, from: 'laptop', message: 'Ask' });
    took.server.push({ atMs: 9, from: 'laptop', message: 'Ask' });
    took.laptop.push({ atMs: 7, from: 'phone', message: 'Answer' }, { atMs: 8, from: 'server', message: 'Answer' });
    await run([asked, ['3', phone, laptop, ANSWER]], crossed);
    await expect(run([asked, ['4', server, laptop, ANSWER]], crossed)).rejects.toThrow('step 4');
  });

  it('are read from the lines that a process writes', async () => {
    const destination = new PassThrough();
    const logger = createLogger({ level: 'debug', format: 'text', destination, colours: false }).child('device');
    logger.debug('received', { from: 'phone', name: 'PN Setup Response (PNE to PN GW)' });
    logger.debug('received', { from: 'server', name: 'Refusal' });
    logger.debug('a device was received', { from: 'phone', name: 'x' });
    const lines = String(destination.read()).trimEnd().split('\n');
    expect(lines.map((line) => receivedLine(line))).toEqual([
      { atMs: expect.any(Number), from: 'phone', message: 'PN Setup Response (PNE to PN GW)' },
      { atMs: expect.any(Number), from: 'server', message: 'Refusal' },
      undefined,
    ]);
  });
});
