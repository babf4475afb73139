import type { PanEvents } from '@cpns/agent';
import { entityId, type Link } from '@cpns/shared';
import { catalogue, clearFrame, decodeCbor } from '@cpns/shared/messages';
import { reshapeCbor } from '../cbor-tree.js';
import { must } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { openWorld } from './world.js';

const STRANGER = entityId('stranger');
/** Virtual time for what a frame sets going, and between two links, so that limits of rate seldom hide what is behind them. */
const HEARD_MS = 50;
const GAP_MS = 1_000;
const INPUTS_PER_WORLD = 200;
const INPUTS_PER_CHECK = 50;
const IN_CLEAR = new Set([...catalogue.values()].filter(({ channels }) => channels.includes('clear')).map(({ name }) => name));

function isCbor(data: Uint8Array): boolean {
  try {
    decodeCbor(data);
    return true;
  } catch {
    return false;
  }
}

/** A stranger in the room of a household, who opens links to its PN GW. */
async function moveIn() {
  const world = await openWorld();
  const { air, clock, laptop, phone } = world;
  const technology = air.technology(STRANGER);
  const events: PanEvents = { sighted: () => {}, lost: () => {}, problem: () => {}, accepted: (link) => link.close('nobody is at home') };
  await technology.start(events);

  /** Opens a link, sends the frame twice, since a second one finds the link in another state, and leaves. */
  async function visit(frame: Uint8Array): Promise<void> {
    const link: Link = await technology.dial([laptop.id], new AbortController().signal);
    let open = true;
    const closed = () => {
      open = false;
    };
    link.open({ frame: () => {}, closed });
    for (let left = 2; left > 0 && open; left--) {
      link.send(frame);
      await clock.advance(HEARD_MS);
    }
    if (open) link.close('the visit is over');
    await clock.advance(GAP_MS);
    air.links.length = 0;
  }

  function check(): void {
    must(laptop.device.linkTo(phone.id) !== undefined, 'the link to a paired device was lost');
    must(laptop.device.state.pns().length === 1, 'the personal network was lost');
    must(laptop.device.state.pairings().size === 1, 'a stranger was paired');
  }

  const stop = async () => {
    await technology.stop();
    await world.stop();
  };
  return { laptop, visit, check, stop };
}

async function openDoor(): Promise<OpenTarget> {
  let home = await moveIn();
  let given = 0;
  return {
    async fuzz(data) {
      if (++given % INPUTS_PER_WORLD === 0) {
        await home.stop();
        home = await moveIn();
      }
      await home.visit(isCbor(data) ? clearFrame(data) : data);
      const failed = home.laptop.logger.lines.find(({ level }) => level === 'error');
      must(failed === undefined, `the device fails inside: ${failed?.message} ${JSON.stringify(failed?.fields)}`);
      home.laptop.logger.lines.length = 0;
      if (given % INPUTS_PER_CHECK === 0) home.check();
    },
    close: () => home.stop(),
  };
}

export const linkDoor: FuzzTarget = {
  name: 'link-door',
  title: 'what a stranger sends on a link to a PN GW',
  reshape: reshapeCbor,
  seeds: ({ envelopes }) => new Map([...envelopes].filter(([name]) => IN_CLEAR.has(name))),
  open: openDoor,
};
