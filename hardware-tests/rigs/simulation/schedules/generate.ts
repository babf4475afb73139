import { SeededChoices, type Weather } from '@cpns/shared/testing';
import { type Action, type Deed, type Pan, type Schedule, SERVER, type Way } from './actions.js';

/** Devices of Ann; the laptop is the best suited PN GW. */
const OWN = ['laptop', 'phone', 'board', 'watch'] as const;
/** A device of another user, Bob. */
export const GUEST = 'guest';
/** Bob's PN GW, which speaks for him when his device goes as a guest to Ann's. */
export const HUB = 'hub';

/** From one action to the next: within one flow, between flows, and long enough for everything to come to rest. */
const PAUSES_MS = [3, 20, 60, 200, 1_000, 5_000, 20_000];

/** The schedule of a seed. */
export function scheduleOf(seed: number, pan: Pan = 'lan'): Schedule {
  // Neighbouring seeds would otherwise begin alike.
  const choices = new SeededChoices(Math.imul(seed + 1, 0x9e3779b1));
  const own = OWN.slice(0, 3 + choices.below(2));
  const bobs = choices.chance(0.4) ? (choices.chance(0.7) ? [GUEST, HUB] : [GUEST]) : [];
  const devices = [...own, ...bobs];
  const pairings: Way[] = devices.slice(1).map((device) => (device === HUB ? [GUEST, HUB] : ['laptop', device]));
  if (choices.chance(0.4)) pairings.push(['phone', 'board']);
  const actions: Action[] = [];
  let atMs = 0;
  const founder = choices.chance(0.5) ? choices.pick(own) : undefined;
  const first = founder === undefined ? [establish] : [establish, createsBy(founder)];
  const kinds = [...DEEDS, ...(pan === 'lan' ? [] : RADIO_DEEDS), ...(founder === undefined ? [] : groupDeeds(founder))];
  for (let left = 4 + choices.below(11); left > 0; left--) {
    const deed = (first[actions.length] ?? choices.pick(kinds))(choices, own, devices);
    actions.push({ ...deed, atMs });
    atMs += choices.pick(PAUSES_MS) + choices.below(20);
  }
  return { seed, pan, devices, pairings, actions };
}

type Make = (choices: SeededChoices, own: readonly string[], devices: readonly string[]) => Deed;

/** A device of Ann, the PN GW as well, sets a PN up. */
function establish(choices: SeededChoices, own: readonly string[], devices: readonly string[]): Deed {
  const at = choices.pick(own);
  const type =
    at === 'laptop'
      ? choices.pick(['all', 'named', 'named'] as const)
      : choices.pick(['one-to-one', 'one-to-one', 'all', 'named'] as const);
  return { do: 'establish', at, type, named: devices.filter((name) => name !== at && choices.chance(0.5)) };
}

/** There are seldom more PNs than this at once, so that the numbers below it choose among all there are. */
const PNS = 3;
const comesIn: Make = (choices, _own, devices) => ({
  do: choices.pick(['join', 'join', 'register'] as const),
  at: choices.pick(devices.slice(1)),
  pn: choices.below(PNS),
});
const invites: Make = (choices, own, devices) => {
  const at = choices.chance(0.6) ? 'laptop' : choices.pick(own);
  return { do: 'invite', at, pne: choices.pick(devices.filter((name) => name !== at)), pn: choices.below(PNS) };
};
const leaves: Make = (choices, own, devices) =>
  choices.chance(0.5)
    ? { do: 'leave', at: choices.pick(devices.slice(1)), pn: choices.below(PNS) }
    : { do: 'expel', at: 'laptop', pne: choices.pick(own.slice(1)), pn: choices.below(PNS) };
const releases: Make = (choices, own) => ({ do: 'release', at: choices.pick(own), pn: choices.below(PNS) });

const silentMs = (choices: SeededChoices) => choices.pick([50, 2_000, 8_000, 30_000]);
const downMs = (choices: SeededChoices) => choices.pick([100, 1_000, 8_000, 40_000]);
/** Now, or at one of the next moments at which something leaves or becomes durable. */
const deeds = (choices: SeededChoices) => (choices.chance(0.25) ? 0 : 1 + choices.below(12));

function pairOf(choices: SeededChoices, devices: readonly string[]): Way {
  const [one, other] = choices.shuffled(devices);
  return choices.chance(0.6) ? ['laptop', choices.pick(devices.slice(1))] : [one as string, other as string];
}

function wayOf(choices: SeededChoices, devices: readonly string[]): Way {
  return choices.chance(0.3) ? [choices.pick(devices), SERVER] : pairOf(choices, devices);
}

function weather(choices: SeededChoices): Partial<Weather> {
  return {
    delayMs: choices.pick([1, 20, 300]),
    jitterMs: choices.pick([0, 50, 500]),
    loss: choices.pick([0, 0.02, 0.1]),
    duplication: choices.pick([0, 0.05, 0.3]),
    reordering: choices.pick([0, 0, 0.05]),
  };
}

const sends: Make = (choices, own) => {
  const [from, to] = choices.shuffled([...own, SERVER]);
  return { do: 'send', from: from as string, to: to as string };
};
const cutsPower: Make = (choices, _own, devices) => ({
  do: 'power-cut',
  device: choices.pick(devices),
  deeds: deeds(choices),
  downMs: downMs(choices),
});
const serverCrashes: Make = (choices) => ({ do: 'server-crash', deeds: deeds(choices), downMs: downMs(choices) });

/** Every kind as often as it shall come up. */
const DEEDS: readonly Make[] = [
  establish,
  establish,
  establish,
  comesIn,
  comesIn,
  comesIn,
  invites,
  invites,
  invites,
  leaves,
  leaves,
  leaves,
  releases,
  sends,
  sends,
  sends,
  cutsPower,
  cutsPower,
  cutsPower,
  serverCrashes,
  serverCrashes,
  (choices, own) => ({ do: 'restart', device: choices.pick(own) }),
  (choices) => ({ do: 'server-away', downMs: downMs(choices) }),
  (choices, _own, devices) => ({ do: 'sever', way: wayOf(choices, devices) }),
  (choices, _own, devices) => ({ do: 'sever', way: pairOf(choices, devices) }),
  (choices, _own, devices) => ({ do: 'silence', way: wayOf(choices, devices), forMs: silentMs(choices) }),
  (choices, own) => ({ do: 'unplug', device: choices.pick(own), forMs: silentMs(choices) }),
  (choices, _own, devices) => ({ do: 'weather', way: wayOf(choices, devices), weather: weather(choices), forMs: 20_000 }),
  (choices, _own, devices) => ({ do: 'weather', way: wayOf(choices, devices), weather: weather(choices), forMs: 60_000 }),
  (choices, own) => ({ do: 'clock', device: choices.pick(own), aheadMs: choices.pick([-48, -1, 1, 20, 48]) * 3_600_000 }),
  (choices, _own, devices) => {
    const [one, other] = pairOf(choices, devices);
    return { do: 'unpair', one, other };
  },
  (choices, _own, devices) => {
    const [one, other] = pairOf(choices, devices);
    return { do: 'pair', one, other };
  },
  (choices, own) => (choices.chance(0.5) ? { do: 'revoke', device: choices.pick(own) } : sends(choices, own, own)),
];

/** There are seldom more service groups than this at once. */
const GROUPS = 2;

function createsBy(at: string): Make {
  return (choices, _own, devices) => {
    const members = devices.filter((name) => name !== at && choices.chance(0.6));
    return { do: 'group-create', at, pn: choices.below(PNS), members, open: choices.chance(0.5) };
  };
}

/** Deeds of service groups; most are made, and their members chosen, by one device. */
function groupDeeds(founder: string): readonly Make[] {
  const any: Make = (choices, _own, devices) => ({
    do: choices.pick(['group-join', 'group-join', 'group-leave', 'group-send'] as const),
    at: choices.pick(devices),
    group: choices.below(GROUPS),
  });
  const ofOwner: Make = (choices, _own, devices) => {
    const at = choices.chance(0.8) ? founder : choices.pick(devices);
    const what = choices.pick(['group-invite', 'group-invite', 'group-expel', 'group-expel', 'group-owner', 'group-release'] as const);
    const group = choices.below(GROUPS);
    if (what === 'group-release') return { do: what, at, group };
    return { do: what, at, group, pne: choices.pick(devices.filter((name) => name !== at)) };
  };
  const ofBob: Make = (choices, own, devices) =>
    devices.includes(HUB) ? { do: 'establish', at: HUB, type: 'all', named: [] } : any(choices, own, devices);
  const creates: Make = (choices, own, devices) => createsBy(choices.chance(0.5) ? founder : choices.pick(devices))(choices, own, devices);
  return [creates, creates, ...Array<Make>(8).fill(any), ...Array<Make>(7).fill(ofOwner), ofBob, ofBob];
}

/** What happens to Bluetooth alone. */
const RADIO_DEEDS: readonly Make[] = [
  (choices, own) => ({ do: 'jam', device: choices.pick(own), forMs: silentMs(choices) }),
  (choices, own) => ({ do: 'jam', device: choices.pick(own), forMs: silentMs(choices) }),
];
