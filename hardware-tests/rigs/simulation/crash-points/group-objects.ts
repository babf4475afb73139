import { MemoryContents } from '../memory-contents.js';
import { type Flow, type Told, tell } from './flow.js';
import { groupOf, withGroup } from './groups.js';
import { established } from './leaving.js';
import { BOARD_ID, LAPTOP_ID, type Party, PHONE_ID, type Scene, SERVER } from './scene.js';

const never = (): AbortSignal => new AbortController().signal;
const STARTED_MS = 20_000;
/** The news has reached everybody. */
const LASTS_MS = 5_000;

const groupsOf = (scene: Scene) => scene.device(BOARD_ID).device.groups;
const share = (scene: Scene) => groupsOf(scene).share(groupOf(scene), { content: 'song' }, never());
const withdraw = (scene: Scene) => groupsOf(scene).withdraw(groupOf(scene), 'song', undefined, never());
const isListed = (scene: Scene) => scene.server.database.reads.groups.objects(groupOf(scene)).length > 0;

/** The board is in a group, and offers a song. */
async function offering(): Promise<Scene> {
  const scene = await withGroup(await established('all'), [BOARD_ID, LAPTOP_ID]);
  scene.contents.set(BOARD_ID, new MemoryContents([{ name: 'song', text: 'la, la, la' }]));
  scene.crash(BOARD_ID);
  await scene.revive(BOARD_ID);
  await scene.clock.advance(STARTED_MS);
  return scene;
}

async function sharing(): Promise<Scene> {
  const scene = await offering();
  await scene.clock.run(share(scene));
  await scene.clock.advance(LASTS_MS);
  return scene;
}

/** Shares, withdraws and shares again, whatever there was. */
async function again(scene: Scene): Promise<void> {
  for (const [deed, listed] of [
    [share, true],
    [withdraw, false],
    [share, true],
  ] as const) {
    await scene.clock.run(deed(scene));
    await scene.clock.advance(LASTS_MS);
    if (isListed(scene) !== listed) throw new Error('it has no effect');
  }
}

const SIDES = { holder: BOARD_ID, owner: PHONE_ID, 'pn-gw': LAPTOP_ID, server: SERVER };

function objectFlow(
  name: string,
  title: string,
  prepare: () => Promise<Scene>,
  deed: (scene: Scene) => Promise<unknown>,
  listed: boolean,
): Flow {
  return {
    name,
    title,
    sides: SIDES,
    lastsMs: LASTS_MS,
    prepare,
    begin: (scene) => {
      const told = new Map<Party, Told>();
      tell(told, BOARD_ID, deed(scene));
      return { told, stands: () => isListed(scene) === listed };
    },
    again,
  };
}

export const GROUP_OBJECTS: readonly Flow[] = [
  objectFlow('group-share', 'a member shares a content with its group', offering, share, true),
  objectFlow('group-unshare', 'a member withdraws it', sharing, withdraw, false),
];
