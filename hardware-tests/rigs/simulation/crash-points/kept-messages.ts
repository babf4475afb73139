import { applicationData, fromOctets } from '@cpns/shared/messages';
import type { Flow } from './flow.js';
import { groupOf, withGroup } from './groups.js';
import { established } from './leaving.js';
import { BOARD_ID, LAPTOP_ID, PHONE_ID, type Scene, SERVER } from './scene.js';

/** PN GWs have noticed who is gone, and said who has not got a message. */
const NOTICED_MS = 20_000;
/** A leave waits 5 s for others; then the new key goes round. */
const REKEYED_MS = 10_000;
/** The board starts, links, has its sessions and gets what was kept. */
const LASTS_MS = 20_000;

async function say(scene: Scene, text: string): Promise<void> {
  const message = { channel: 'late', contentType: 't', payload: new TextEncoder().encode(text) };
  await scene.clock.run(scene.device(PHONE_ID).device.messenger.queue({ ...message, to: { sgId: groupOf(scene) }, pnId: undefined }));
  await scene.clock.advance(5_000);
}

/** What was said meanwhile is stored at the board: in that order, once. */
function hasStored(scene: Scene, texts: readonly string[]): boolean {
  const { store } = scene.device(BOARD_ID);
  const stored = store.keys('inbox/').flatMap((key) => {
    const { channel, payload } = fromOctets(applicationData, store.get(key) ?? new Uint8Array(), key);
    return channel === 'late' ? [new TextDecoder().decode(payload)] : [];
  });
  return stored.join() === texts.join();
}

/** The board is away; something is said, the Group Key is renewed, and something is said again. */
async function saidMeanwhile(): Promise<Scene> {
  const scene = await withGroup(await established('all'), [BOARD_ID, LAPTOP_ID]);
  scene.crash(BOARD_ID);
  await scene.clock.advance(NOTICED_MS);
  await say(scene, 'one');
  await scene.clock.run(scene.device(LAPTOP_ID).device.groups.leave(groupOf(scene)));
  await scene.clock.advance(REKEYED_MS);
  await say(scene, 'two');
  return scene;
}

export const KEPT_MESSAGES: readonly Flow[] = [
  {
    name: 'group-kept-messages',
    title: 'a member that was away over a rekey is back, and gets what was said meanwhile',
    sides: { member: BOARD_ID, 'pn-gw': LAPTOP_ID, server: SERVER },
    lastsMs: LASTS_MS,
    prepare: saidMeanwhile,
    begin: (scene) => {
      void scene.revive(BOARD_ID).catch(() => {});
      return {
        told: new Map(),
        stands: () => hasStored(scene, ['one', 'two']) && scene.server.database.reads.kept.count(groupOf(scene)).messages === 0,
      };
    },
    again: async (scene) => {
      scene.crash(BOARD_ID);
      await scene.clock.advance(NOTICED_MS);
      await say(scene, 'three');
      await scene.revive(BOARD_ID);
      await scene.clock.advance(LASTS_MS);
      if (!hasStored(scene, ['one', 'two', 'three'])) throw new Error('what was said while the board was away did not arrive');
    },
  },
];
