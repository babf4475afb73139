import type { FastifyInstance } from 'fastify';
import type { Admin } from './admin-port.js';
import {
  chargingQuery,
  deviceParams,
  deviceQuery,
  groupParams,
  invitation,
  message,
  newDevice,
  newInvitation,
  newOwner,
  newUser,
  parsed,
  pnParams,
  policyChange,
  userChange,
  userParams,
} from './requests.js';

/** The calls of the {@link Admin} port, one path each. */
export function addRoutes(http: FastifyInstance, admin: Admin): void {
  http.get('/v1/users', async () => ({ users: await admin.listUsers() }));
  http.post('/v1/users', async (request, reply) => reply.status(201).send(await admin.addUser(parsed(newUser, request.body))));
  http.patch('/v1/users/:userId', (request) =>
    admin.changeUser(parsed(userParams, request.params).userId, parsed(userChange, request.body)),
  );
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

  http.post('/v1/devices/:entityId/move', (request) =>
    admin.moveDevice(parsed(deviceParams, request.params).entityId, parsed(newOwner, request.body).userId),
  );

  const policyOf = '/v1/users/:userId/policy';
  http.get(policyOf, (request) => admin.policies.show(parsed(userParams, request.params).userId));
  http.patch(policyOf, (request) => admin.policies.set(parsed(userParams, request.params).userId, parsed(policyChange, request.body)));
  const invitationsOf = '/v1/users/:userId/invitations';
  http.post(invitationsOf, (request) =>
    admin.policies.allow(parsed(userParams, request.params).userId, parsed(newInvitation, request.body)),
  );
  http.delete(invitationsOf, (request) =>
    admin.policies.forbid(parsed(userParams, request.params).userId, parsed(invitation, request.query)),
  );

  http.get('/v1/gateways', async () => ({ gateways: await admin.listGateways() }));
  http.get('/v1/pns', async () => ({ pns: await admin.listPns() }));
  http.get('/v1/pns/:pnId', (request) => admin.showPn(parsed(pnParams, request.params).pnId));

  http.delete('/v1/pns/:pnId', async (request, reply) => {
    await admin.removePn(parsed(pnParams, request.params).pnId);
    return reply.status(204).send();
  });

  http.get('/v1/groups', async () => ({ groups: await admin.listGroups() }));
  http.get('/v1/groups/:sgId', (request) => admin.showGroup(parsed(groupParams, request.params).sgId));
  http.delete('/v1/groups/:sgId', async (request, reply) => {
    await admin.removeGroup(parsed(groupParams, request.params).sgId);
    return reply.status(204).send();
  });

  http.get('/v1/charging', (request) => {
    const { since, after } = parsed(chargingQuery, request.query);
    return admin.charging({ ...(since !== undefined && { since }), ...(after !== undefined && { after }) });
  });

  http.post('/v1/messages', (request) => {
    const { waitMs, ...data } = parsed(message, request.body);
    return admin.sendData(data, waitMs);
  });
}
