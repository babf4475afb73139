import { decodeEnrolment, downTopic, entityId, stateTopic, upTopic, userId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { euKeyPrk, rootFromPrk } from '@cpns/shared/security';
import { status } from './acts/look.js';
import { BOARD, LAPTOP } from './profiles.js';
import { defineScenario } from './scenario.js';

export const foreignResolver = defineScenario({
  name: 'outsiders/dns-sd',
  title: "Somebody else's DNS-SD resolver finds every agent and the server, with the addresses and ports they really have.",
  needs: ['dns-sd'],
  run: async (t) => {
    const { outsiders, server } = t.stage;
    const devices = await Promise.all([t.stage.device('laptop', { profile: LAPTOP }), t.stage.device('board', { profile: BOARD })]);
    for (const device of devices) {
      const found = await t.eventually(`the resolver finds ${device.id}`, async () =>
        (await outsiders.browse('_cpns._tcp')).find(({ name }) => name === device.id),
      );
      const { pan } = await status(device);
      const own = pan.flatMap(({ addresses }) => addresses);
      t.check(
        'its address is that of the device',
        own.includes(`${found.address}:${found.port}`),
        `${found.address}:${found.port} of ${own}`,
      );
      t.same('its TXT says version and mode', [found.txt.v, found.txt.mode !== undefined], ['1', true]);
    }
    const [host = '', port = ''] = server.address.split(':');
    const found = await t.eventually('the resolver finds the server', async () => (await outsiders.browse('_cpns-server._tcp'))[0]);
    t.same('its address is that of the server', [found.address, found.port], [host, Number(port)]);
  },
});

export const foreignClient = defineScenario({
  name: 'outsiders',
  title:
    "An MQTT client of somebody else's, with the PSK of a device, can use that device's own topics and nothing else; with a wrong PSK it does not get in.",
  needs: ['mqtt'],
  run: async (t) => {
    const { outsiders, server } = t.stage;
    await server.admin.addUser({ userId: userId('eve'), services: [], chargeable: false });
    const enrol = async (name: string) => {
      const { code } = await server.admin.addDevice({ entityId: entityId(name), userId: userId('eve') });
      const { kTls } = rootFromPrk(nativeProvider, euKeyPrk(nativeProvider, decodeEnrolment(nativeProvider, code).euKey));
      return { id: entityId(name), psk: Buffer.from(kTls.reveal()).toString('hex') };
    };
    const [own, other] = [await enrol('own-device'), await enrol('other-device')];
    const as = (topic: string, more: { psk?: string; clientId?: string; identity?: string } = {}) => ({
      identity: own.id,
      psk: own.psk,
      clientId: own.id,
      topic,
      ...more,
    });

    t.step('With the right PSK, its own topics.');
    const up = await outsiders.publish(as(upTopic(own.id)), 'not an envelope');
    t.check('it may publish to its own "up"', up.accepted, up.says);
    const state = await outsiders.publish(as(stateTopic(own.id)), 'online');
    t.check('it may publish to its own "state"', state.accepted, state.says);
    const down = await outsiders.subscribe(as(downTopic(own.id)));
    t.check('it may subscribe to its own "down"', down.granted, down.says);

    t.step('With the right PSK, what is not its own.');
    for (const topic of [upTopic(other.id), downTopic(own.id), stateTopic(other.id), '$SYS/broker', 'anything']) {
      const { accepted, says } = await outsiders.publish(as(topic), 'mine');
      t.check(`it may not publish to ${topic}`, !accepted, says);
    }
    for (const topic of [downTopic(other.id), upTopic(own.id), 'cpns/v1/+/down', '#', '$SYS/#', `$share/x/${downTopic(own.id)}`]) {
      const { granted, says } = await outsiders.subscribe(as(topic));
      t.check(`it may not subscribe to ${topic}`, !granted, says);
    }
    const renamed = await outsiders.subscribe(as(downTopic(other.id), { clientId: other.id }));
    t.check('it may not call itself another device', !renamed.granted, renamed.says);

    t.step('With a wrong PSK, or an identity that nobody has.');
    const wrong = await outsiders.subscribe(as(downTopic(own.id), { psk: other.psk }));
    t.check('a wrong PSK does not get in', !wrong.granted, wrong.says);
    const nobody = await outsiders.subscribe(as(downTopic(own.id), { identity: 'nobody', clientId: 'nobody' }));
    t.check('an unknown identity does not get in', !nobody.granted, nobody.says);
    const revoked = await server.admin.revokeDevice(own.id);
    t.same('the operator revokes it', revoked.state, 'revoked');
    const late = await outsiders.subscribe(as(downTopic(own.id)));
    t.check('a revoked device does not get in', !late.granted, late.says);
  },
});
