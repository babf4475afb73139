import { downTopic, sleep } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { SimulationStage } from '../../../rigs/simulation/simulation-stage.js';
import { LAPTOP, PHONE } from '../../../scenarios/profiles.js';
import { agentKilledAndBack } from '../../../scenarios/recover.js';
import { Telling } from '../../../scenarios/scenario.js';

async function onStage(story: (stage: SimulationStage) => Promise<void>): Promise<SimulationStage> {
  const stage = await SimulationStage.build();
  try {
    await stage.tell(() => story(stage));
  } finally {
    await stage.dispose();
  }
  return stage;
}

describe('the stage of the simulation', () => {
  it('plays a story the same way each time, to the last line of everybody', async () => {
    const play = async () => {
      const steps: string[] = [];
      const stage = await onStage((stage) =>
        agentKilledAndBack.run(new Telling(stage, (text) => steps.push(`${stage.clock.wallMs()} ${text}`))),
      );
      return { steps, logs: stage.logs() };
    };
    const first = await play();
    expect(first.steps.length).toBeGreaterThan(3);
    expect(await play()).toEqual(first);
  }, 60_000);

  it('leaves no timer behind', async () => {
    const stage = await onStage(async (stage) => {
      await Promise.all([stage.device('phone', { profile: PHONE }), stage.device('laptop', { profile: LAPTOP })]);
    });
    // What was on its way arrives at nobody.
    await stage.clock.advance(100);
    expect(stage.clock.pending).toBe(0);
  });

  it('lets a device that was killed begin with what it had committed', async () => {
    await onStage(async (stage) => {
      const phone = await stage.device('phone', { profile: PHONE });
      await phone.kill();
      await expect(phone.request('status', {})).rejects.toMatchObject({ code: 'AgentNotRunning' });
      await phone.start();
      expect(await phone.request('status', {})).toMatchObject({ id: phone.id, peers: { paired: 0 } });
    });
  });

  it('ends an agent that is told to', async () => {
    await onStage(async (stage) => {
      const phone = await stage.device('phone', { profile: PHONE });
      await phone.request('stop', {});
      await sleep(stage.clock, 100);
      await expect(phone.request('status', {})).rejects.toMatchObject({ code: 'AgentNotRunning' });
      await phone.start();
      expect(await phone.request('status', {})).toMatchObject({ id: phone.id });
    });
  });

  it('begins anew with the enrolment alone after a reset', async () => {
    await onStage(async (stage) => {
      const phone = await stage.device('phone', { profile: PHONE });
      expect(await phone.request('reset', { everything: false })).toMatchObject({ enrolment: false });
      expect(await phone.request('status', {})).toMatchObject({ id: phone.id, peers: { paired: 0 } });
    });
  });

  it('gives a request up that was under way when its agent was killed', async () => {
    await onStage(async (stage) => {
      const phone = await stage.device('phone', { profile: PHONE });
      const waiting = phone.request('pair.open', {}, { timeoutMs: 200_000 });
      const gone = expect(waiting).rejects.toMatchObject({ code: 'AgentGone' });
      await phone.kill();
      await gone;
    });
  });

  it('lets nobody in whose key the server does not know any more', async () => {
    await onStage(async (stage) => {
      const phone = await stage.device('phone', { profile: PHONE });
      await stage.server.admin.revokeDevice(phone.id);
      await phone.stop();
      await phone.start();
      for (;;) {
        const { server } = await phone.request('status', {});
        if (server.probe?.reachable === false) return expect(server.probe.reason).toContain('key');
        await new Promise<void>((resolve) => void stage.clock.after(100, resolve));
      }
    });
  });

  it('answers no operator while the server is down', async () => {
    await onStage(async (stage) => {
      const { server } = stage;
      await server.kill();
      await expect(server.admin.listPns()).rejects.toMatchObject({ code: 'ServerNotRunning' });
      await server.start();
      expect(await server.admin.listPns()).toEqual([]);
    });
  });
});

describe('somebody else on the network of the simulation', () => {
  it('finds whoever announces itself, and nobody who was killed or is unplugged', async () => {
    await onStage(async (stage) => {
      const { outsiders, clock } = stage;
      const device = (name: string) => stage.device(name);
      const names = async () => (await outsiders.browse('_cpns._tcp')).map(({ name }) => name).sort();
      expect(await names()).toEqual([]);
      const [phone, laptop] = [await device('phone'), await device('laptop')];
      await sleep(clock, 2_000);
      expect(await names()).toEqual(['laptop', 'phone']);
      await laptop.unplug();
      expect(await names()).toEqual(['phone']);
      await phone.kill();
      await laptop.plug();
      expect(await names()).toEqual(['laptop']);
    });
  });

  it('is let into the broker with the key of a device only', async () => {
    await onStage(async (stage) => {
      const { outsiders } = stage;
      const { id } = await stage.device('phone');
      const attempt = { identity: id, psk: '00'.repeat(32), clientId: id, topic: downTopic(id) };
      expect(await outsiders.subscribe(attempt)).toMatchObject({ granted: false });
    });
  });
});
