import { chmod, mkdir, stat, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exitCodeOf } from '../../src/control/exit-codes.js';
import { ComposedAgent, clock, NOWHERE } from '../support/composed-agent.js';
import { pairByCode, pairedNeighbours } from '../support/pairing.js';
import { scratchDirectory } from '../support/scratch.js';

/** A TCP port of this machine that is taken until the test ends. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** The first try to reach the server is over; the device capabilities change with it only when it came through. */
async function probed(agent: ComposedAgent): Promise<void> {
  while ((await agent.status()).server.probe === undefined) await new Promise((resolve) => setImmediate(resolve));
}

class LateClock extends SystemClock {
  override wallMs(): number {
    return super.wallMs() - 365 * 86_400_000;
  }
}

/** What a run that does not come about is refused with. */
async function refusal(agent: ComposedAgent) {
  const error = await agent.start().then(
    () => undefined,
    (reason) => reason,
  );
  return { ...error, message: error?.message, exitCode: error && exitCodeOf(error) };
}

describe('an agent that is run', () => {
  it('answers on its control socket, says what it is, and ends when told', async () => {
    const agent = await ComposedAgent.running({ config: { rest: 'name: Kitchen board' } });
    expect(await agent.status()).toMatchObject({
      id: agent.id,
      name: 'Kitchen board',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      mode: 'unassigned',
      modeReason: 'No paired device is linked.',
      pan: [
        {
          technology: 'lan',
          state: 'running',
          addresses: [expect.stringMatching(/^127\.0\.0\.1:\d+$/), expect.stringMatching(/^\[::1\]:/)],
        },
        { technology: 'ble', state: 'off', addresses: [] },
      ],
      peers: { paired: 0, linked: 0 },
      pns: [],
      consentsWaiting: 0,
      outbox: { messages: 0, bytes: 0 },
      warnings: [],
    });
    expect(await agent.client.request('stop', {})).toEqual({});
    await agent.ended;
    expect(agent.log).toContain('the agent is ending');
  });

  it('leaves no socket and no lock when it ends', async () => {
    const agent = await ComposedAgent.running();
    await agent.stop();
    await expect(stat(join(agent.place.stateDirectory, 'cpns-agent.sock'))).rejects.toMatchObject({ code: 'ENOENT' });
    await agent.start();
    expect((await agent.status()).id).toBe(agent.id);
  });

  it('must be enrolled, and makes no state otherwise', async () => {
    const agent = await ComposedAgent.make();
    expect(await refusal(agent)).toMatchObject({
      code: 'NotEnrolled',
      exitCode: 5,
      message: 'This device is not enrolled: ask the operator for a code (cpns-server device add), then: cpns-agent enrol -',
    });
    await expect(stat(agent.place.stateDirectory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is the only one on its state', async () => {
    const agent = await ComposedAgent.running();
    const second = await ComposedAgent.make({ state: agent.place.stateDirectory });
    expect(await refusal(second)).toMatchObject({
      code: 'AlreadyRunning',
      exitCode: 5,
      message: `${agent.place.stateDirectory} is already in use by process ${process.pid}; stop that process or use another state directory.`,
    });
    await expect(second.ports.reset(second.place, { everything: true })).rejects.toMatchObject({ code: 'AlreadyRunning' });
    expect((await agent.status()).id).toBe(agent.id);
  });

  it.each([
    ['state directory', '.', 0o750, 'chmod 700'],
    ['state file', 'state.log', 0o644, 'chmod 600'],
  ])('refuses a %s that others can read', async (_what, path, mode, cure) => {
    const agent = await ComposedAgent.make();
    await agent.enrol();
    await chmod(join(agent.place.stateDirectory, path), mode);
    const { code, exitCode, message } = await refusal(agent);
    expect({ code, exitCode }).toEqual({ code: 'UnsafePermissions', exitCode: 5 });
    expect(message).toContain('is open to other users of this computer');
    expect(message).toContain(cure);
    await chmod(join(agent.place.stateDirectory, path), mode & 0o700);
    await agent.start();
  });

  it('does not follow a link in the place of its state file', async () => {
    const directory = await scratchDirectory();
    const agent = await ComposedAgent.make({ state: join(directory, 'state') });
    await mkdir(join(directory, 'state'), { mode: 0o700 });
    await symlink('/dev/zero', join(directory, 'state', 'state.log'));
    await expect(agent.enrol()).rejects.toMatchObject({ code: 'NotAFile' });
  });

  it('says when its port is taken, and lets go of everything', async () => {
    const port = await takenPort();
    const agent = await ComposedAgent.make({ config: { lan: `port: ${port}` } });
    await agent.enrol();
    expect(await refusal(agent)).toMatchObject({
      code: 'PortTaken',
      exitCode: 2,
      message: `TCP port ${port} is taken by another program: end that, or choose another in pan.lan.port (0 takes a free one).`,
    });
    const elsewhere = await ComposedAgent.make({ id: agent.id, state: agent.place.stateDirectory });
    await elsewhere.start();
    expect((await elsewhere.status()).id).toBe(agent.id);
  });

  it('works without the server, and says why it is not reached', async () => {
    const agent = await ComposedAgent.running();
    await probed(agent);
    const { server } = await agent.status();
    expect(server).toMatchObject({ id: 'cpns.test', address: NOWHERE, uplink: 'unused', probe: { reachable: false } });
    expect(server.probe?.reason).toBe(`The server at ${NOWHERE} cannot be reached: nothing listens there; check that it runs.`);
    const { checks } = await agent.client.request('doctor', {});
    expect(checks.find(({ name }) => name === 'server')).toMatchObject({ outcome: 'problem', says: server.probe?.reason });
    expect(checks.find(({ name }) => name === 'agent')).toMatchObject({ outcome: 'ok' });
  });

  it('says that the local network and Bluetooth are off', async () => {
    const agent = await ComposedAgent.running({ config: { lan: 'enabled: false' } });
    expect((await agent.status()).pan).toEqual([
      { technology: 'lan', state: 'off', addresses: [] },
      { technology: 'ble', state: 'off', addresses: [] },
    ]);
    await expect(agent.client.request('pair.link.show', {})).rejects.toMatchObject({ code: 'NoAddress' });
    await expect(agent.client.request('pair.peer', { peer: '127.0.0.1:7' })).rejects.toMatchObject({ code: 'NoPan' });
  });

  it('warns of settings that make it less safe', async () => {
    const agent = await ComposedAgent.running({
      config: { rest: 'allowUnprotectedPan: true\nrequireForwardSecrecy: false\nconsent: always\n' },
    });
    expect((await agent.status()).warnings).toEqual([
      expect.stringMatching(/^allowUnprotectedPan is on/),
      expect.stringMatching(/^requireForwardSecrecy is off/),
      expect.stringMatching(/^consent is "always"/),
    ]);
  });

  it('answers a pairing link that is opened in a browser, and nothing else', async () => {
    const agent = await ComposedAgent.running();
    const at = `http://${await agent.address()}`;
    expect(await (await fetch(`${at}/p`)).text()).toContain('cpns-agent pair');
    const other = await fetch(`${at}/`);
    expect([other.status, await other.text()]).toEqual([404, '']);
  });

  it('ends in time although a client says nothing and a link is open', async () => {
    const [agent] = await pairedNeighbours();
    const silent = connect(join(agent.place.stateDirectory, 'cpns-agent.sock'));
    await new Promise<void>((resolve) => silent.once('connect', resolve));
    onTestFinished(() => void silent.destroy());
    const startedMs = clock.monotonicMs();
    await agent.stop();
    expect(clock.monotonicMs() - startedMs).toBeLessThan(5_000);
  });

  it('finds its pairings again after a restart', async () => {
    const [a, b] = await pairedNeighbours();
    await a.stop();
    await b.until(async () => (await b.peer(a.id))?.link === undefined);
    await a.start();
    await Promise.all([a.linked(b.id), b.linked(a.id)]);
    expect(await a.peer(b.id)).toMatchObject({ paired: true, link: { technology: 'lan' } });
  });

  it('works with a clock that is wrong by a year', async () => {
    const [a, b] = await Promise.all([ComposedAgent.running({ clock: new LateClock() }), ComposedAgent.running()]);
    await Promise.all([a.near(b.id), b.near(a.id)]);
    await pairByCode(a, b);
    await a.stop();
    await a.start();
    await Promise.all([a.linked(b.id), b.linked(a.id)]);
  });
});
