import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient, createMasterKey, defaultSettings, ensureAdminToken, startServer } from '@cpns/server';
import { decodeEnrolment, type EntityId, entityId, parseHostPort, serverId, userId } from '@cpns/shared';
import type { ApplicationData } from '@cpns/shared/messages';
import { nativeProvider, systemEntropy } from '@cpns/shared/node';
import { utf8 } from '@cpns/shared/security';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { keyOf, readCrowd } from '../../crowd/account.js';
import { CrowdGateway } from '../../crowd/crowd-gateway.js';
import type { CrowdPne } from '../../crowd/crowd-pne.js';
import { crowdPorts } from '../../crowd/ports.js';

const { signal } = new AbortController();
const ANN = userId('ann');

/** A whole server, and one PN GW of a crowd with two PNEs. */
async function crowded() {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'cpns-crowd-'));
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  await createMasterKey(stateDirectory, systemEntropy);
  await ensureAdminToken(stateDirectory, systemEntropy);
  const defaults = defaultSettings();
  const settings = {
    ...defaults,
    server: { id: serverId('cpns.test') },
    uplink: { ...defaults.uplink, host: '127.0.0.1', port: 0, announce: false },
    admin: { ...defaults.admin, port: 0 },
  };
  const server = await startServer({ settings, stateDirectory, logger: new MemoryLogger() });
  onTestFinished(() => server.stop());
  const admin = await AdminClient.open(stateDirectory, signal);
  await admin.addUser({ userId: ANN, services: ['pn-gw'], chargeable: false });
  const enrol = async (id: string) =>
    keyOf(decodeEnrolment(nativeProvider, (await admin.addDevice({ entityId: entityId(id), userId: ANN })).code));
  const keys = { gateway: await enrol('laptop'), pnes: [await enrol('phone'), await enrol('board')] };
  const { idServer, households } = readCrowd({ idServer: 'cpns.test', households: [keys] });
  const received: { to: EntityId; content: ApplicationData }[] = [];
  const disconnected = vi.fn();
  const gateway = new CrowdGateway({
    household: households[0] as (typeof households)[number],
    server: { idServer, address: parseHostPort(server.publicAddress) },
    ports: crowdPorts(),
    received: (to, content) => received.push({ to, content }),
    disconnected,
  });
  onTestFinished(() => gateway.crash());
  await gateway.connect(signal);
  return { admin, server, gateway, phone: gateway.pnes[0] as CrowdPne, board: gateway.pnes[1] as CrowdPne, received, disconnected };
}

const statesOf = async (admin: AdminClient) => (await admin.listPns()).flatMap(({ members }) => members.map(({ state }) => state));

describe('a PN GW of a crowd', () => {
  it('establishes personal networks of which the server says that their PNEs are members', async () => {
    const { admin, gateway, phone, board } = await crowded();
    const pns = [await gateway.establish(phone), await gateway.establish(board), await gateway.establish(phone)];
    expect(gateway.pns).toEqual(pns);
    await vi.waitFor(async () => expect(await statesOf(admin)).toEqual(['Member', 'Member', 'Member']));
  });

  it('carries data to the server and from it, its own and that of its PNEs', async () => {
    const { admin, gateway, phone, received } = await crowded();
    const pnId = await gateway.establish(phone);
    await phone.send(pnId, utf8('from the phone'));
    await gateway.send(utf8('from the laptop'));
    for (const to of ['phone', 'laptop']) {
      const payload = Buffer.from(`to the ${to}`).toString('base64');
      const message = { to: entityId(to), channel: 'default', contentType: 'text/plain', payload, waitMs: 5_000 };
      expect(await admin.send(message)).toMatchObject({ state: 'delivered' });
    }
    expect(received.map(({ to, content }) => [to, Buffer.from(content.payload).toString()])).toEqual([
      ['phone', 'to the phone'],
      ['laptop', 'to the laptop'],
    ]);
  });

  it('releases a PN', async () => {
    const { admin, gateway, phone } = await crowded();
    await gateway.release(await gateway.establish(phone));
    expect(gateway.pns).toEqual([]);
    expect(await admin.listPns()).toEqual([]);
  });

  it('comes back after it has left, with the sessions of its PNEs', async () => {
    const { gateway, phone } = await crowded();
    const pnId = await gateway.establish(phone);
    gateway.leave();
    await expect(gateway.send(utf8('too late'))).rejects.toThrow('not connected');
    await gateway.connect(signal);
    await phone.send(pnId, utf8('still here'));
    expect(gateway.pns).toEqual([pnId]);
  });

  it('comes back after a crash, and its PNEs register anew', async () => {
    const { gateway, phone } = await crowded();
    const pnId = await gateway.establish(phone);
    gateway.crash();
    await gateway.connect(signal);
    await expect(phone.send(pnId, utf8('without a session'))).rejects.toThrow('no session');
    await gateway.register(phone, pnId);
    await phone.send(pnId, utf8('in the new session'));
  });

  it('says when the server is gone', async () => {
    const { server, gateway, disconnected } = await crowded();
    await server.stop();
    await vi.waitFor(() => expect(disconnected).toHaveBeenCalledOnce());
    expect(gateway.isConnected).toBe(false);
  });
});
