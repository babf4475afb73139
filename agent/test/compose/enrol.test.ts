import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemEntropy } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import { ComposedAgent, enrolmentCode, NOWHERE, uniqueId } from '../support/composed-agent.js';
import { pairedNeighbours } from '../support/pairing.js';

describe('enrolment', () => {
  it('says who the device is now', async () => {
    const agent = await ComposedAgent.make();
    expect(await agent.enrol()).toEqual({
      id: agent.id,
      serverId: 'cpns.test',
      serverAddress: NOWHERE,
      kid: expect.stringMatching(/^[0-9a-f]{16}$/),
      userId: 'anna',
      mayBeGateway: true,
    });
    expect((await agent.ports.inspect(agent.place)).enrolment).toMatchObject({ id: agent.id, serverId: 'cpns.test' });
  });

  it('keeps no EUKey, and nothing that others may read', async () => {
    const euKey = systemEntropy.bytes(32);
    const agent = await ComposedAgent.make();
    const { stateDirectory } = agent.place;
    await agent.enrol(enrolmentCode(agent.id, { euKey }));
    expect((await stat(stateDirectory)).mode & 0o777).toBe(0o700);
    for (const entry of await readdir(stateDirectory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      expect((await stat(path)).mode & 0o077, path).toBe(0);
      if (entry.isFile()) expect((await readFile(path)).includes(Buffer.from(euKey)), path).toBe(false);
    }
  });

  it.each([
    ['a typing error', (code: string) => code.replace(/.$/, (last) => (last === '7' ? '8' : '7')), 'EnrolmentChecksum'],
    ['another text', () => 'hello', 'EnrolmentFormat'],
    ['a later version', (code: string) => code.replace('CPNS1', 'CPNS2'), 'EnrolmentVersion'],
  ])('refuses a code with %s and leaves nothing behind', async (_what, change, code) => {
    const agent = await ComposedAgent.make();
    await expect(agent.enrol(change(enrolmentCode(agent.id)))).rejects.toMatchObject({ family: 'Config', code });
    await expect(stat(agent.place.stateDirectory)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await agent.ports.inspect(agent.place)).toEqual({ enrolment: undefined, probe: undefined });
  });

  it('is not given up by mistake', async () => {
    const agent = await ComposedAgent.make();
    await agent.enrol();
    const other = enrolmentCode(uniqueId('other'));
    await expect(agent.enrol(other)).rejects.toMatchObject({
      code: 'AlreadyEnrolled',
      message: `This device is enrolled as ${agent.id} already; add --replace to give that up.`,
    });
    expect((await agent.ports.inspect(agent.place)).enrolment?.id).toBe(agent.id);
    await agent.enrol(other, true);
    expect((await agent.ports.inspect(agent.place)).enrolment?.id).toMatch(/^other-/);
  });

  it('needs the agent to be stopped', async () => {
    const agent = await ComposedAgent.running();
    await expect(agent.enrol(undefined, true)).rejects.toMatchObject({ code: 'AlreadyRunning' });
  });

  it.each([
    { what: 'keeps pairings with a new key for the same device', id: 'same', serverId: 'cpns.test', pairings: 1 },
    { what: 'forgets pairings as another device', id: 'other', serverId: 'cpns.test', pairings: 0 },
    { what: 'forgets pairings with another server', id: 'same', serverId: 'elsewhere.test', pairings: 0 },
  ])('$what', async ({ id, serverId, pairings }) => {
    const [agent] = await pairedNeighbours();
    await agent.stop();
    await agent.enrol(enrolmentCode(id === 'same' ? agent.id : uniqueId('other'), { serverId }), true);
    expect(await agent.ports.reset(agent.place, { everything: false })).toMatchObject({ pairings, enrolment: false });
  });
});
