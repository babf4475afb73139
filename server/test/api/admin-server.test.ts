import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startAdmin } from './rig.js';

const PN = '00112233445566778899aabbccddeeff';

describe('access', () => {
  it('needs the token', async () => {
    const { url, authorization } = await startAdmin();
    for (const header of [
      undefined,
      'Bearer ',
      'Bearer wrong',
      'Basic YTpi',
      authorization.toLowerCase(),
      `${authorization}x`,
      authorization.slice(0, -1),
    ]) {
      const answer = await fetch(`${url}/v1/users`, { headers: header === undefined ? {} : { authorization: header } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(await answer.json()).toMatchObject({ error: { code: 'BadToken', message: expect.stringContaining('admin.token') } });
    }
    expect((await fetch(`${url}/v1/users`, { headers: { authorization } })).status).toBe(200);
  });

  it('needs the token for paths that do not exist too', async () => {
    const { url, call } = await startAdmin();
    expect((await fetch(`${url}/v1/nothing`)).status).toBe(401);
    expect(await call('GET', '/v1/nothing')).toMatchObject({ status: 404, body: { error: { code: 'NoSuchPath' } } });
  });

  it('shows health and metrics to this machine without it', async () => {
    const { url, problems, call, admin } = await startAdmin();
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ healthy: true, problems: [] });
    problems.push('The disk is full.');
    const sick = await fetch(`${url}/healthz`);
    expect(sick.status).toBe(503);
    expect(await sick.json()).toEqual({ healthy: false, problems: ['The disk is full.'] });

    await call('GET', '/v1/users');
    admin.pns = [{}] as never;
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('\ncpns_broker_reachable_devices 2\n');
    expect(metrics).toContain('\ncpns_broker_uplink_messages_total 40\n');
    expect(metrics).toContain('cpns_broker_refused_total{reason="frame-size"} 7\n');
    expect(metrics).toContain('cpns_admin_requests_total{route="/v1/users",status="200"} 1\n');
    expect(metrics).toContain('\ncpns_pns_established 1\n');
    expect(metrics).toContain('process_resident_memory_bytes');
    const again = await (await fetch(`${url}/metrics`)).text();
    expect(again).toContain('\ncpns_broker_uplink_messages_total 40\n');
  });

  it('is by address only, so that a web page cannot give it a name of its own', async () => {
    const { url, authorization } = await startAdmin();
    const { port } = new URL(url);
    const status = (host: string) =>
      new Promise((resolve) => {
        request({ host: '127.0.0.1', port, path: '/metrics', headers: { host, authorization } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).end();
      });
    expect(await status(`evil.example:${port}`)).toBe(403);
    expect(await status(`localhost:${port}`)).toBe(200);
    expect(await status(`127.0.0.1:${port}`)).toBe(200);
    expect(await status(`[::1]:${port}`)).toBe(200);
  });

  it('refuses a path that is none without repeating it', async () => {
    const { call } = await startAdmin();
    for (const path of ['/v1/pns/hello%', '/v1/p%ns/hello', `/v1/users/${'hello'.repeat(14)}`]) {
      const { status, body } = await call('GET', path);
      expect([status, body.error.code]).toEqual([400, 'BadPath']);
      expect(body.error.message).not.toContain('hello');
    }
  });

  it('shows the process once, however many servers it has had', async () => {
    for (let times = 0; times < 2; times++) {
      const { url, authorization, server } = await startAdmin();
      const shown = await (await fetch(`${url}/metrics`, { headers: { authorization } })).text();
      expect(shown.match(/^process_cpu_seconds_total /gm)).toHaveLength(1);
      expect(shown).toMatch(/^cpns_broker_connections /m);
      await server.stop();
    }
  });

  it('is limited in rate', async () => {
    const { call } = await startAdmin({ requestsPerSecond: 1, requestBurst: 3 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => call('GET', '/v1/users')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get('retry-after')).toBe('1');
    expect(refused?.body.error.code).toBe('TooManyRequests');
  });

  it('is not used up by those who have no token', async () => {
    const { url, call } = await startAdmin({ requestsPerSecond: 1, requestBurst: 3 });
    const strangers = await Promise.all(Array.from({ length: 5 }, () => fetch(`${url}/v1/users`)));
    expect(strangers.map(({ status }) => status).sort()).toEqual([401, 401, 401, 429, 429]);
    expect((await call('GET', '/v1/users')).status).toBe(200);
  });

  it('proves who listens before it is asked for', async () => {
    const { url, authorization } = await startAdmin();
    const nonce = '5a'.repeat(32);
    const key = authorization.slice('Bearer '.length);
    const proof = createHmac('sha256', key).update(`cpns-server admin ${nonce}`).digest('hex');
    expect(await (await fetch(`${url}/v1/proof?nonce=${nonce}`)).json()).toEqual({ proof });
    for (const bad of ['', '?nonce=00', `?nonce=${nonce}&x=1`]) expect((await fetch(`${url}/v1/proof${bad}`)).status).toBe(400);
  });
});

describe('word for the commands', () => {
  it('stands in the state directory while the server listens', async () => {
    const { url, stateDirectory, server } = await startAdmin();
    const path = join(stateDirectory, 'admin.address');
    expect(await readFile(path, 'utf8')).toBe(`${url}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(stateDirectory, 'admin.token'))).mode & 0o777).toBe(0o600);
    await server.stop();
    await server.stop();
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('is not given when the port is taken', async () => {
    const { url } = await startAdmin();
    const port = Number(new URL(url).port);
    await expect(startAdmin({ port })).rejects.toMatchObject({
      code: 'AddressInUse',
      message: `Port ${port} is taken: stop the other program, or choose another port with admin.port.`,
    });
    await expect(startAdmin({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'AddressRefused' });
  });
});

describe('calls', () => {
  it('reach the port and come back', async () => {
    const { call, admin } = await startAdmin();
    const ann = { userId: 'ann', services: ['pn-gw'], chargeable: false };
    expect(await call('POST', '/v1/users', ann)).toMatchObject({ status: 201, body: { userId: 'ann', devices: 0 } });
    expect(await call('POST', '/v1/users', ann)).toMatchObject({
      status: 409,
      body: { error: { family: 'State', code: 'DuplicateUser' } },
    });
    expect((await call('GET', '/v1/users')).body.users).toHaveLength(1);

    const added = await call('POST', '/v1/devices', { entityId: 'phone-1', userId: 'ann' });
    expect(added).toMatchObject({ status: 201, body: { code: 'CPNS1-CODE0FPHONE-1' } });
    expect(added.headers.get('cache-control')).toBe('no-store');
    expect((await call('GET', '/v1/devices')).body.devices).toHaveLength(1);
    expect((await call('GET', '/v1/devices?user=ann')).body.devices).toHaveLength(1);
    expect((await call('GET', '/v1/devices?user=bob')).body.devices).toHaveLength(0);
    expect((await call('GET', '/v1/devices/phone-1')).body).toMatchObject({ entityId: 'phone-1', state: 'enrolled' });
    expect((await call('POST', '/v1/devices/phone-1/revoke')).body.state).toBe('revoked');
    expect(await call('GET', '/v1/devices/other-9')).toMatchObject({ status: 404, body: { error: { code: 'UnknownDevice' } } });

    admin.pns = [{ pnId: PN, gateway: 'phone-1', state: 'Established', inventoryVersion: 1, keyEpoch: 1, members: [] }] as never;
    expect((await call('GET', '/v1/gateways')).body.gateways).toHaveLength(1);
    expect((await call('GET', '/v1/pns')).body.pns).toHaveLength(1);
    expect((await call('GET', `/v1/pns/${PN}`)).body.pnId).toBe(PN);

    admin.groups = [{ sgId: PN, name: 'family', open: false, state: 'Active', epoch: 1, members: [] }] as never;
    expect((await call('GET', '/v1/groups')).body.groups).toHaveLength(1);
    expect((await call('GET', `/v1/groups/${PN}`)).body.name).toBe('family');
    expect((await call('DELETE', `/v1/groups/${PN}`)).status).toBe(204);
    expect((await call('DELETE', `/v1/groups/${PN}`)).status).toBe(404);

    const payload = Buffer.from([0, 1, 255]).toString('base64');
    const message = { to: 'phone-1', channel: 'chat', contentType: 'text/plain', payload, waitMs: 500 };
    expect(await call('POST', '/v1/messages', message)).toMatchObject({ status: 200, body: { state: 'delivered' } });
    expect(admin.sent).toEqual([
      { data: { to: 'phone-1', channel: 'chat', contentType: 'text/plain', payload: new Uint8Array([0, 1, 255]) }, waitMs: 500 },
    ]);

    const subscription = { services: ['pn-gw', 'maps'], chargeable: true };
    expect((await call('PATCH', '/v1/users/ann', { addServices: ['maps'], chargeable: true })).body.subscription).toMatchObject(
      subscription,
    );
    expect((await call('PATCH', '/v1/users/ann', { name: 'x' })).status).toBe(400);
    expect((await call('POST', '/v1/devices/phone-1/move', { userId: 'bob' })).body.userId).toBe('bob');
    expect((await call('PATCH', '/v1/users/ann/policy', { guests: 'invited' })).body).toMatchObject({ guests: 'invited' });
    expect((await call('PATCH', '/v1/users/ann/policy', { guests: 'all' })).status).toBe(400);
    const invitation = { device: 'phone-1', pnId: PN };
    const opened = await call('POST', '/v1/users/ann/invitations', { ...invitation, until: '2099-01-01' });
    expect(opened.body.invitations).toEqual([{ ...invitation, until: '2099-01-01' }]);
    expect((await call('POST', '/v1/users/ann/invitations', { ...invitation, until: 'soon' })).status).toBe(400);
    expect((await call('DELETE', `/v1/users/ann/invitations?device=phone-1&pnId=${PN}`)).body.invitations).toEqual([]);
    expect((await call('DELETE', '/v1/users/ann/invitations?user=bob')).status).toBe(404);
    expect((await call('GET', '/v1/users/ann/policy')).body).toMatchObject({ userId: 'ann', guests: 'invited' });

    expect((await call('DELETE', '/v1/users/ann')).status).toBe(204);
    expect((await call('DELETE', '/v1/users/ann')).status).toBe(404);
  });

  const message = { to: 'phone-1', channel: 'chat', contentType: 'text/plain', payload: '', waitMs: 0 };
  it.each([
    ['POST', '/v1/users', { userId: 'Ann', services: [], chargeable: false }, /"userId" is not a user id/],
    ['POST', '/v1/users', { services: [], chargeable: false }, /"userId" is missing/],
    ['POST', '/v1/users', { userId: 'ann', services: 'pn-gw', chargeable: false }, /"services" is not a list/],
    ['POST', '/v1/users', { userId: 'ann', services: ['A B'], chargeable: false }, /"services.0" has a service/],
    ['POST', '/v1/users', { userId: 'ann', services: Array(33).fill('x'), chargeable: false }, /more than 32 services/],
    ['POST', '/v1/users', { userId: 'ann', services: [], chargeable: 'yes' }, /"chargeable" is neither/],
    ['POST', '/v1/users', { userId: 'ann', services: [], chargeable: true, admin: true }, /"admin" is not known here/],
    ['POST', '/v1/users', [], /is not a JSON object|"userId"/],
    ['POST', '/v1/users', 'null', /is not a JSON object/],
    ['POST', '/v1/users', '{', /must be JSON/],
    ['POST', '/v1/devices', { entityId: '0123456789abcdef', userId: 'ann' }, /"entityId" is not an entity id/],
    ['GET', '/v1/devices/A', undefined, /"entityId" is not an entity id/],
    ['GET', '/v1/devices?user=%2e%2e', undefined, /"user" is not a user id/],
    ['GET', '/v1/devices?user=ann&all=1', undefined, /"all" is not known here/],
    ['GET', '/v1/pns/xyz', undefined, /"pnId" is not a PN ID/],
    ['GET', '/v1/groups/xyz', undefined, /"sgId" is not an SG ID/],
    ['POST', '/v1/messages', { ...message, channel: 'a/b' }, /"channel" is not a channel/],
    ['POST', '/v1/messages', { ...message, contentType: 'text\r\nx' }, /"contentType" is not a content type/],
    ['POST', '/v1/messages', { ...message, payload: '%%%' }, /"payload" is not base64/],
    ['POST', '/v1/messages', { ...message, payload: Buffer.alloc(16_001).toString('base64') }, /more than 16000 octets/],
    ['POST', '/v1/messages', { ...message, waitMs: 60_001 }, /"waitMs" is more than 60000/],
    ['GET', '/v1/watch?kind=all', undefined, /"kind" is neither data nor event/],
  ])('%s %s with a wrong value says what is wrong', async (method, path, body, sentence) => {
    const { call } = await startAdmin();
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { family: 'Config' } } });
    expect(answer.body.error.message).toMatch(sentence);
    expect(answer.body.error.message).not.toContain('\n');
  });

  it('bound the body', async () => {
    const { call } = await startAdmin();
    expect(await call('POST', '/v1/users', `{"userId":"${'a'.repeat(70_000)}"}`)).toMatchObject({
      status: 413,
      body: { error: { code: 'TooLarge', message: 'The request is too large.' } },
    });
  });

  it('tell nothing of what went wrong inside', async () => {
    const { call, admin, logger } = await startAdmin();
    admin.failure = new Error('SQLITE_CORRUPT at /var/lib/secret');
    const answer = await call('GET', '/v1/users');
    expect(answer).toMatchObject({ status: 500, body: { error: { family: 'Internal', code: 'Unexpected' } } });
    expect(JSON.stringify(answer.body)).not.toContain('SQLITE');
    expect(logger.find('An admin request failed.', 'error')[0]?.fields.cause).toContain('SQLITE_CORRUPT');
  });

  it('do not wait for a request that never ends', async () => {
    const { url } = await startAdmin();
    const { port } = new URL(url);
    const socket = createConnection(Number(port), '127.0.0.1');
    socket.write(`GET /healthz HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(answer.toString()).toMatch(/^HTTP\/1.1 431/);
    socket.destroy();
  });
});
