import { entityId } from '@cpns/shared';
import type { AnyMessage } from '@cpns/shared/messages';
import { expect, it } from 'vitest';
import type { ServerChannel } from '../../src/entity/server-channel.js';
import { UnsentGroupMessages } from '../../src/gateway/unsent-group-messages.js';

function rig() {
  const sent: number[] = [];
  const channel = { notify: (_type: AnyMessage, body: { message: Uint8Array }) => void sent.push(body.message.length) };
  const server = { isThere: false };
  const unsent = new UnsentGroupMessages(() => (server.isThere ? (channel as unknown as ServerChannel) : undefined));
  const send = (octets: number) => unsent.send({ sgId: new Uint8Array(16), from: entityId('phone'), message: new Uint8Array(octets) });
  return { sent, server, unsent, send };
}

it('group messages wait for the server in their order, and leave once', () => {
  const { sent, server, unsent, send } = rig();
  expect([send(1), send(2)]).toEqual([true, true]);
  unsent.flush();
  expect(sent).toEqual([]);
  server.isThere = true;
  unsent.flush();
  unsent.flush();
  expect(send(3)).toBe(true);
  expect(sent).toEqual([1, 2, 3]);
});

it('256 of them wait, and 1 MiB', () => {
  const many = rig();
  expect(Array.from({ length: 257 }, () => many.send(1)).indexOf(false)).toBe(256);
  const large = rig();
  expect(Array.from({ length: 66 }, () => large.send(16_000)).indexOf(false)).toBe(65);
  large.server.isThere = true;
  large.unsent.flush();
  large.server.isThere = false;
  expect([large.sent.length, large.send(16_000)]).toEqual([65, true]);
});
