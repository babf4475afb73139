import type { Weather } from '@cpns/shared/testing';

/** A way between two parties: two devices, or a device and the server. */
export type Way = readonly [string, string];

/** The server, as a party of a way. */
export const SERVER = 'server';

/** How devices are near one another: over the local network, over Bluetooth, or both. */
export const PANS = ['lan', 'ble', 'both'] as const;
export type Pan = (typeof PANS)[number];

/** `pn` chooses among the PNs that the device could mean when it happens; without any, nothing happens. */
type OfPn<What extends string> = What extends string ? { readonly do: What; readonly at: string; readonly pn: number } : never;

/** `group` chooses among the service groups that the device could mean when it happens; without any, nothing happens. */
type OfGroup<What extends string> = What extends string ? { readonly do: What; readonly at: string; readonly group: number } : never;

/** What people do with service groups. */
export type GroupDeed =
  /** Through a PN that it is in, if it is in any. */
  | { readonly do: 'group-create'; readonly at: string; readonly pn: number; readonly members: readonly string[]; readonly open: boolean }
  | OfGroup<'group-join' | 'group-leave' | 'group-release' | 'group-send'>
  | (OfGroup<'group-invite' | 'group-expel' | 'group-owner'> & { readonly pne: string });

/** Something that people, programs, batteries and radio do. */
export type Deed =
  | { readonly do: 'establish'; readonly at: string; readonly type: 'one-to-one' | 'all' | 'named'; readonly named: readonly string[] }
  | OfPn<'join' | 'register' | 'leave' | 'release'>
  | (OfPn<'invite' | 'expel'> & { readonly pne: string })
  | GroupDeed
  | { readonly do: 'send'; readonly from: string; readonly to: string }
  | { readonly do: 'pair'; readonly one: string; readonly other: string }
  | { readonly do: 'unpair'; readonly one: string; readonly other: string }
  | { readonly do: 'revoke'; readonly device: string }
  | { readonly do: 'restart'; readonly device: string }
  /** Without a word; what was not durable is gone. `deeds`: right after so many more things that others or its disk notice. */
  | { readonly do: 'power-cut'; readonly device: string; readonly deeds: number; readonly downMs: number }
  | { readonly do: 'server-crash'; readonly deeds: number; readonly downMs: number }
  | { readonly do: 'server-away'; readonly downMs: number }
  | { readonly do: 'sever'; readonly way: Way }
  | { readonly do: 'silence'; readonly way: Way; readonly forMs: number }
  | { readonly do: 'unplug'; readonly device: string; readonly forMs: number }
  /** Its Bluetooth is out of range. */
  | { readonly do: 'jam'; readonly device: string; readonly forMs: number }
  | { readonly do: 'clock'; readonly device: string; readonly aheadMs: number }
  | { readonly do: 'weather'; readonly way: Way; readonly weather: Partial<Weather>; readonly forMs: number };

/** A deed and when it happens, in milliseconds from the start of the schedule. */
export type Action = Deed & { readonly atMs: number };

/** All that a schedule consists of. The same one is always played in the same way. */
export interface Schedule {
  readonly seed: number;
  /** Default: `lan`. */
  readonly pan?: Pan;
  readonly devices: readonly string[];
  /** Who is paired with whom from the start. */
  readonly pairings: readonly Way[];
  readonly actions: readonly Action[];
}

/** In words, for a person. */
export function inWords(action: Deed): string {
  switch (action.do) {
    case 'establish':
      return `${action.at} establishes (${action.type}${action.type === 'named' ? ` ${action.named.join(', ')}` : ''})`;
    case 'join':
    case 'register':
    case 'leave':
    case 'release':
      return `${action.at}: ${action.do} (PN ${action.pn})`;
    case 'invite':
    case 'expel':
      return `${action.at}: ${action.do} ${action.pne} (PN ${action.pn})`;
    case 'group-create':
      return `${action.at}: ${action.do} with ${action.members.join(', ')}${action.open ? ', open' : ''} (PN ${action.pn})`;
    case 'group-join':
    case 'group-leave':
    case 'group-release':
    case 'group-send':
      return `${action.at}: ${action.do} (group ${action.group})`;
    case 'group-invite':
    case 'group-expel':
    case 'group-owner':
      return `${action.at}: ${action.do} ${action.pne} (group ${action.group})`;
    case 'send':
      return `${action.from} sends messages to ${action.to}`;
    case 'pair':
    case 'unpair':
      return `${action.one} and ${action.other}: ${action.do}`;
    case 'power-cut':
      return `power cut of ${action.device}${after(action.deeds)}, for ${seconds(action.downMs)}`;
    case 'server-crash':
      return `crash of the server${after(action.deeds)}, for ${seconds(action.downMs)}`;
    case 'server-away':
      return `the server cannot be reached for ${seconds(action.downMs)}`;
    case 'sever':
      return `the connection ${action.way.join(' - ')} breaks`;
    case 'silence':
      return `silence on ${action.way.join(' - ')} for ${seconds(action.forMs)}`;
    case 'unplug':
      return `${action.device} is unplugged for ${seconds(action.forMs)}`;
    case 'jam':
      return `${action.device} is out of the range of Bluetooth for ${seconds(action.forMs)}`;
    case 'clock':
      return `the clock of ${action.device} is set ${action.aheadMs / 3_600_000} h ahead`;
    case 'weather': {
      const weather = Object.entries(action.weather).map(([what, value]) => `${what} ${value}`);
      return `weather on ${action.way.join(' - ')} for ${seconds(action.forMs)}: ${weather.join(', ')}`;
    }
    default:
      return `${action.device}: ${action.do}`;
  }
}

function after(deeds: number): string {
  return deeds === 0 ? '' : ` after deed ${deeds} from now`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
