import {
  Addressee,
  bodyOf,
  capabilitiesConfirmation,
  capabilitiesUpdate,
  data,
  dataAnswer,
  encodeCapabilities,
  Mode,
  reconcile,
  reconcileResponse,
  Status,
  sessionUnknown,
  statusManagementRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { expect, it } from 'vitest';
import { octets } from '../inventory/fixture.js';
import { RunningServer } from './running-server.js';
import { ScriptedGateway } from './scripted-gateway.js';

const capabilities = encodeCapabilities({
  mode: Mode.PnGw,
  mains: true,
  batteryPercent: 100,
  cores: 4,
  memoryMiB: 4096,
  networks: [],
  reachesServer: true,
  reachesServerAgeS: 1,
  panTechnologies: [],
  ui: true,
  zone: false,
  subscribed: true,
  canRoute: true,
  preference: 0,
  pairedPnes: 0,
});

async function connected(running: RunningServer, name = 'phone'): Promise<ScriptedGateway> {
  const { code } = await running.enrol(name);
  return ScriptedGateway.connect(code, running.server.publicAddress);
}

it('takes a PN GW in, step by step as seed 002 has it', async () => {
  const running = await RunningServer.start();
  const gateway = await connected(running);
  expect((await running.admin('GET', '/v1/devices/phone')).body).toMatchObject({ connected: true });

  const confirm = await gateway.setUpConnection();
  expect(confirm).toMatchObject({ status: Status.Success, subscription: { userId: 'alice', services: ['pn-gw'] } });
  expect(confirm.serverKeys).toHaveLength(1);

  const confirmation = await gateway.request(capabilitiesUpdate, { capabilities });
  expect(bodyOf(confirmation, capabilitiesConfirmation).status).toBe(Status.Success);
  await gateway.answer(await gateway.next(statusManagementRequest), statusManagementResponse, { changed: false });
  expect(bodyOf(await gateway.request(reconcile, { pns: [] }), reconcileResponse).pns).toEqual([]);

  expect((await running.admin('GET', '/v1/gateways')).body).toEqual({
    gateways: [{ entityId: 'phone', userId: 'alice', connected: true, authenticatedAt: expect.any(String), pns: [] }],
  });
  expect((await running.admin('GET', '/v1/devices/phone')).body).toMatchObject({
    state: 'active',
    mode: 'PN GW',
    cpnsId: confirm.cpnsId,
    lastSeenAt: expect.any(String),
  });
});

it('tells a PN GW after a restart of the server that its session is gone, and takes it in again as the same', async () => {
  const running = await RunningServer.start();
  const { code } = await running.enrol('phone');
  const before = await ScriptedGateway.connect(code, running.server.publicAddress);
  await before.setUpConnection();
  await running.restart();
  await before.disconnected();

  const again = await ScriptedGateway.connect(code, running.server.publicAddress);
  const stale = octets(64, 0);
  stale.set([3]);
  stale.set([0, 64 - 27], 25);
  await again.publish(stale);
  expect(bodyOf(await again.next(sessionUnknown), sessionUnknown).sid).toEqual(octets(8, 0));
  expect((await again.setUpConnection()).cpnsId).toBe(before.cpnsId);
});

it('stores data of a device before it answers, once however often it comes, and shows it to who watches', async () => {
  const running = await RunningServer.start();
  const gateway = await connected(running);
  await gateway.setUpConnection();
  const shown = await running.watch('kind=data');
  const message = {
    id: octets(16, 5),
    from: gateway.entityId,
    to: Addressee.Server,
    channel: 'sensor',
    contentType: 'text/plain',
    payload: new TextEncoder().encode('21 °C'),
  };
  for (let i = 0; i < 2; i++) {
    const answer = bodyOf(await gateway.request(data, { data: message }), dataAnswer);
    expect(answer.receipt).toEqual({ id: message.id, status: Status.Success });
  }
  expect(await shown.firstItems(1)).toEqual([
    expect.objectContaining({ from: 'phone', to: 'server', channel: 'sensor', payload: Buffer.from('21 °C').toString('base64') }),
  ]);
});

it('delivers data to a device and says so', async () => {
  const running = await RunningServer.start();
  const gateway = await connected(running);
  await gateway.setUpConnection();
  const sending = running.admin('POST', '/v1/messages', {
    to: 'phone',
    channel: 'note',
    contentType: 'text/plain',
    payload: Buffer.from('hello').toString('base64'),
    waitMs: 5_000,
  });
  const request = await gateway.next(data);
  const body = bodyOf(request, data).data;
  expect(new TextDecoder().decode(body.payload)).toBe('hello');
  await gateway.answer(request, dataAnswer, { receipt: { id: body.id, status: Status.Success } });
  expect(await sending).toMatchObject({ status: 200, body: { state: 'delivered' } });
});

it('refuses a PN GW whose subscription does not allow it', async () => {
  const running = await RunningServer.start();
  const { code } = await running.enrol('phone', []);
  const gateway = await ScriptedGateway.connect(code, running.server.publicAddress);
  await expect(gateway.setUpConnection()).rejects.toMatchObject({ status: Status.NotAuthorized });
});

it('ends a revoked device at once and for good', async () => {
  const running = await RunningServer.start();
  const { code } = await running.enrol('phone');
  const gateway = await ScriptedGateway.connect(code, running.server.publicAddress);
  await gateway.setUpConnection();
  const gone = gateway.disconnected();
  expect(await running.admin('POST', '/v1/devices/phone/revoke')).toMatchObject({ status: 200, body: { state: 'revoked' } });
  await gone;
  await expect(ScriptedGateway.connect(code, running.server.publicAddress)).rejects.toThrow();
});
