import type { FastifyInstance } from 'fastify';
import type { Admin } from './admin-port.js';
import { deviceParams, deviceQuery, message, newDevice, newUser, parsed, pnParams, userParams } from './requests.js';

/** The calls of the {@link Admin} port, one path each. */
export function addRoutes(http: FastifyInstance, admin: Admin): void {
  http.get('/v1/users', async () => ({ users: await admin.listUsers() }));
  http.post('/v1/users', async (request, reply) => reply.status(201).send(await admin.addUser(parsed(newUser, request.body))));
  http.delete('/v1/users/:userId', async (request, reply) => {
    await admin.removeUser(parsed(userParams, request.params).userId);
    return reply.status(204).send();
  });

  http.get('/v1/devices', async (request) => ({ devices: await admin.listDevices(parsed(deviceQuery, request.query).user) }));
  http.post('/v1/devices', async (request, reply) => {
    const enrolment = await admin.addDevice(parsed(newDevice, request.body));
    return reply.status(201).header('cache-control', 'no-store').send(enrolment);
  });
  http.get('/v1/devices/:entityId', (request) => admin.showDevice(parsed(deviceParams, request.params).entityId));
  http.post('/v1/devices/:entityId/revoke', (request) => admin.revokeDevice(parsed(deviceParams, request.params).entityId));

  http.get('/v1/gateways', async () => ({ gateways: await admin.listGateways() }));
  http.get('/v1/pns', async () => ({ pns: await admin.listPns() }));
  http.get('/v1/pns/:pnId', (request) => admin.showPn(parsed(pnParams, request.params).pnId));

  http.post('/v1/messages', (request) => {
    const { waitMs, ...data } = parsed(message, request.body);
    return admin.sendData(data, waitMs);
  });
}
