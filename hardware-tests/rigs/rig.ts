import type { ControlEvent, ControlMethod, ControlParams, ControlResult, RequestOptions } from '@cpns/agent';
import type { AdminClient, WatchItem } from '@cpns/server';
import type { Clock, EntityId } from '@cpns/shared';
import type { Profile } from '../scenarios/profiles.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { Controllers } from './air/air-rig.js';
import type { DeviceMarks } from './bench/host-facts.js';
import type { Played } from './player.js';
import type { Received } from './received.js';

/**
 * What a scenario may need of a rig beyond devices and a server:
 * `power`: processes can be killed and started; `cables`: links to the network can be cut; `attacker`: somebody can sit on a link between
 * two devices; `ip`: devices reach each other over IP; `dns-sd` and `mqtt`: tools of others can look for services and talk to the broker;
 * `ble`: devices can have Bluetooth LE; `adapters`: their Bluetooth adapters can be pulled out; `air`: what goes through the air can be
 * watched and disturbed, and the processes that have the radios too.
 */
export type Need = 'power' | 'cables' | 'attacker' | 'ip' | 'dns-sd' | 'mqtt' | 'ble' | 'adapters' | 'air';

/** A file that a device offers to others. */
export interface OfferedText {
  readonly name: string;
  readonly text: string;
  readonly chargeable?: boolean;
  readonly conditions?: string;
}

/** What a device is, beside its name. */
export interface DeviceSetup {
  readonly profile?: Profile;
  /** Default: the device asks nobody where its own user's devices are concerned. */
  readonly consent?: 'ask' | 'same-user' | 'always' | 'never';
  /** As PN GW: what it says of its user's devices that want into another one's network, and of guests. Default: a person is asked. */
  readonly confirm?: 'ask' | 'paired' | 'never';
  readonly admit?: 'ask' | 'always' | 'never';
  /** What it offers to the members of its personal networks. */
  readonly contents?: readonly OfferedText[];
  /** The user it belongs to. Default: `ann`, whose devices may be PN GW. */
  readonly user?: string;
  /** What becomes of the enrolment code on its way to the device. */
  readonly spoilCode?: (code: string) => string;
  /** The device reaches no other but through this attacker. */
  readonly behind?: Attacker;
  /** How it is near others. Default: as the rig is made for. `ble` needs `ble`, `lan` needs `ip`. */
  readonly pan?: readonly ('lan' | 'ble')[];
}

/** The Bluetooth adapter of a device. */
export interface AdapterHandle {
  /** Pulls it out. */
  unplug(): Promise<void>;
  /** Puts it back in, powered; it has the address that it had. */
  plug(): Promise<void>;
  power(isOn: boolean): Promise<void>;
}

/** One device of a scenario. It was enrolled and runs. */
export interface DeviceHandle {
  readonly id: EntityId;
  /** What its `watch` has told since the device was added, over all its starts. */
  readonly heard: readonly ControlEvent<'watch'>[];
  /** Messages of others that it has taken, over all its starts. */
  readonly received: readonly Received[];
  /** Asks the agent, as its command line does. @throws CpnsError what the agent reports */
  request<M extends ControlMethod>(method: M, params: ControlParams<M>, options?: RequestOptions<M>): Promise<ControlResult<M>>;
  /** After {@link stop} or {@link kill}. Resolves when the agent answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Without a word, as when a battery is pulled. Needs `power`. */
  kill(): Promise<void>;
  /** Takes effect at the next start. */
  become(profile: Profile): Promise<void>;
  /** Needs `cables`. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** Needs `adapters`. */
  readonly adapter?: AdapterHandle;
  /** Its Bluetooth is out of range of everybody. Needs `ble`. */
  jam?(): Promise<void>;
  unjam?(): Promise<void>;
}

/** What the operator can do: the calls of the admin API. */
export type ServerAdmin = Pick<
  AdminClient,
  | 'charging'
  | 'setPolicy'
  | 'allowGuest'
  | 'forbidGuest'
  | 'changeUser'
  | 'addUser'
  | 'addDevice'
  | 'listDevices'
  | 'showDevice'
  | 'revokeDevice'
  | 'listGateways'
  | 'listPns'
  | 'showPn'
  | 'listGroups'
  | 'showGroup'
  | 'removeGroup'
  | 'send'
>;

/** The CPNS Server of a scenario. It runs. */
export interface ServerHandle {
  readonly id: string;
  /** Where devices connect, `HOST:PORT`. */
  readonly address: string;
  readonly admin: ServerAdmin;
  /** What its `watch` has told, over all its starts. */
  readonly heard: readonly WatchItem[];
  /** Messages of devices that it has taken, over all its starts. */
  readonly received: readonly Received[];
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Needs `power`. */
  kill(): Promise<void>;
  /** Needs `cables`. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** Which way a frame goes, seen from the device that the attacker cuts off. */
export type Direction = 'out' | 'in';

/** Somebody on the path between two devices who sees, keeps, alters and repeats link frames. Has no keys. */
export interface Attacker {
  /** Where the cut-off device reaches the other one, for `pair`. */
  readonly address: string;
  /** Passes frames on to `device` from now on. */
  aim(device: DeviceHandle): Promise<void>;
  /** Frames that were passed on so far, over all links. */
  seen(): Promise<{ readonly out: number; readonly in: number; readonly links: number }>;
  /** Flips one bit, another one each time, in each of the next `count` frames that go this way. */
  alter(direction: Direction, count: number): Promise<void>;
  /** Sends every kept frame of this way once more, on the present link. Resolves with their number. */
  replay(direction: Direction): Promise<number>;
  /** Opens a link of its own to the device aimed at and sends all kept outgoing frames of earlier links on it. */
  impersonate(): Promise<{ readonly sent: number; readonly answers: number }>;
  /** Cuts the present link. */
  cut(): Promise<void>;
}

/** The air of Bluetooth LE between the devices of a stage. Addresses are unknown to scenarios: they name devices. */
export interface AirHandle {
  /** ATT packets and their octets that were sent so far, by everybody. */
  counters(): Promise<{ readonly attPackets: number; readonly attOctets: number }>;
  /** Silences a link of `device` at its ATT packet number `packet` counted from now on; the first is 1. */
  cutAt(device: DeviceHandle, packet: number): Promise<void>;
  /** No link agrees on more than this ATT MTU from now on. */
  capMtu(mtu: number): Promise<void>;
  /** Stops the process that has the radio of `device`, without a word, until {@link thawRadio}. */
  freezeRadio(device: DeviceHandle): Promise<void>;
  /** Lets it go on, if it still is there. */
  thawRadio(device: DeviceHandle): Promise<void>;
  killRadio(device: DeviceHandle): Promise<void>;
  /** The next time its radio connects to another device, its process stands still within that call for so many milliseconds. */
  hangConnect(device: DeviceHandle, ms: number): Promise<void>;
  /** Whether the kernel refuses what its radio sends to the adapter, as to a process without CAP_NET_RAW. */
  forbidAdapter(device: DeviceHandle, isForbidden: boolean): Promise<void>;
  /** Octets of memory that the processes of `device` have, its radio's among them. */
  memoryOf(device: DeviceHandle): Promise<number>;
  /** Somebody near who means harm, with an adapter and libraries as everybody has them. */
  hostile(): Promise<Hostile>;
}

/**
 * How a hostile central behaves once it is connected. `mute`: subscribes and says nothing. `garbage`: writes what is no segment.
 * `flood`: greets as it should and sends segments that nobody asked for, as fast as it can. `deaf`: greets, sends the beginning of a frame
 * and never more.
 */
export type Assault = 'mute' | 'garbage' | 'flood' | 'deaf';

/** Somebody near who means harm. He has no keys. */
export interface Hostile {
  /** Connects to `device` again and again and behaves so. */
  assault(device: DeviceHandle, kind: Assault): Promise<void>;
  /** Advertises what `device` advertises at present, says its name, and answers whoever connects with nothing or with nonsense. */
  pretend(device: DeviceHandle, kind: 'mute' | 'garbage'): Promise<void>;
  /** Connections that he made, connections that others made to him, octets that he sent. */
  tally(): Promise<{ readonly connections: number; readonly caught: number; readonly octets: number }>;
}

/** A service that a foreign resolver has found. */
export interface FoundService {
  readonly name: string;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly txt: Readonly<Record<string, string>>;
}

/** A client of somebody else's making at the server's broker. */
export interface MqttAttempt {
  readonly identity: string;
  /** Hex. */
  readonly psk: string;
  readonly clientId: string;
  readonly topic: string;
}

export interface Outsiders {
  /** Resolves all `type` services on the devices' network. Needs `dns-sd`. */
  browse(type: string): Promise<readonly FoundService[]>;
  /** Publishes at QoS 1. `accepted`: the broker acknowledged. Needs `mqtt`. */
  publish(attempt: MqttAttempt, payload: string): Promise<{ readonly accepted: boolean; readonly says: string }>;
  /** Subscribes at QoS 1. `granted`: the broker said yes to the subscription. Needs `mqtt`. */
  subscribe(attempt: MqttAttempt): Promise<{ readonly granted: boolean; readonly says: string }>;
}

/** Everything that a scenario finds on a rig. Fresh for each scenario. */
export interface Stage {
  readonly clock: Clock;
  /** A scenario waits so many times as long as it says for what comes by itself: on a busy machine it comes late. Default: 1. */
  readonly patience?: number;
  readonly server: ServerHandle;
  /** Adds a device, enrols and starts it. */
  device(name: string, setup?: DeviceSetup): Promise<DeviceHandle>;
  /** Needs `attacker`. */
  attacker(): Promise<Attacker>;
  readonly outsiders: Outsiders;
  /** Needs `air`. */
  readonly air?: AirHandle;
}

export interface LogOf {
  readonly name: string;
  readonly lines: readonly string[];
}

/** A stage that the runner has to take down. */
export interface BuiltStage extends Stage {
  /** Tells a story on this stage; on one with a time of its own, that passes until the story is over. */
  tell(story: () => Promise<void>): Promise<void>;
  /** The last of what each process said. */
  logs(): readonly LogOf[];
  dispose(): Promise<void>;
}

/** A stage cannot give a scenario what it asks for in the middle of it, such as a third device where there are two: the scenario is skipped. */
export class NotPlayable extends Error {
  override readonly name = 'NotPlayable';
}

/** A place where scenarios are played. */
export interface Rig {
  readonly name: string;
  readonly title: string;
  readonly offers: ReadonlySet<Need>;
  /** So many scenarios can be played at once. */
  readonly atOnce: number;
  /** So many where the processors have nothing to do for a moment each time one more is begun. Default: no more. */
  readonly atOnceWhenIdle?: number;
  /** No scenario takes longer on it. Default: 120,000. */
  readonly longestMs?: number;
  /** Why it cannot run here, in one sentence; undefined when it can. */
  obstacle(): Promise<string | undefined>;
  /** Why the scenario of that name has no meaning on it, whatever it offers. */
  inapplicable?(scenario: string): string | undefined;
  /** Why it cannot offer this here although it does elsewhere. */
  lacks(need: Need): Promise<string | undefined>;
  build(): Promise<BuiltStage>;
  /** Real devices on which it plays, for the report. */
  marks?(): readonly DeviceMarks[];
  /** Ends everything that is left. */
  close(): Promise<void>;
}

/** What a person says beside the name of a rig. */
export interface RigOptions {
  /** Configuration file of the rig. */
  readonly config: string | undefined;
  /** Whose controllers, on the rig `air`. */
  readonly controllers?: Controllers | undefined;
  /** For progress, in lines. */
  readonly say: (text: string) => void;
}

/** Rigs that go by one name and are played one after another, such as all pairs of somebody's devices. */
export interface RigFamily {
  readonly name: string;
  readonly title: string;
  /** Makes them ready. @throws CpnsError Config when the person has to correct something */
  open(options: RigOptions): Promise<readonly Rig[]>;
  close(): Promise<void>;
}

/** A place that plays scenarios by itself and tells how they went, such as a guest system. */
export interface RemoteRig extends Pick<Rig, 'name' | 'title' | 'obstacle' | 'close'> {
  /** What it can play. */
  readonly scenarios: readonly Scenario[];
  /** `say` hears the steps, and under the rig's own name what the rig does. Never rejects. */
  playAll(scenarios: readonly Scenario[], say: (scenario: string, text: string) => void, over: (played: Played) => void): Promise<void>;
}
