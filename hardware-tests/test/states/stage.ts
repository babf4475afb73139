import { pnIdText } from '@cpns/agent';
import { type EntityId, type PnId, toCpnsError } from '@cpns/shared';
import {
  Addressee,
  type AnyMessage,
  authenticationRequestToPne,
  type BodyOf,
  type CborValue,
  catalogue,
  data,
  dataAnswer,
  decodeEnvelope,
  encodeEnvelope,
  entityDiscoveryRequest,
  groupKeyAck,
  groupKeyDelivery,
  groupKeyResyncRequest,
  MAX_UPLINK_ENVELOPE,
  pending,
  pnData,
  relay,
  sessionUnknown,
  sgData,
  statusName,
  unknownPn,
} from '@cpns/shared/messages';
import type { OutcomeTable } from '@cpns/shared/testing';
import type { Lie } from '../../rigs/simulation/lying-provider.js';
import { BOARD_ID, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { Liar } from '../simulation/liar.js';
import type { Place } from './places.js';

/** Longer than a request that waits for somebody needs to say so. */
const SETTLED_MS = 2_500;
/** What nobody serves is refused at once. */
const ODD_MS = 20;
const PAYLOAD_OCTETS = 1_500;
const ANSWERS = [...catalogue.values()].filter(({ kind }) => kind === 'answer');
/** What a message that nobody answers may lead to, in the order of what tells most. */
const CONSEQUENCES = [groupKeyAck, groupKeyResyncRequest, groupKeyDelivery, sgData, pnData, relay, unknownPn, sessionUnknown];

/** What somebody says instead of a message of the number `of`. */
interface Instead {
  readonly of: number;
  readonly number: number;
  readonly body: Map<number, CborValue>;
}

/** Somebody of the household, and every message that he has sealed. */
class Party extends Liar {
  readonly said: Pick<Lie, 'number' | 'body' | 'transaction'>[] = [];
  /** What he says instead of the next message of that number. */
  instead: Instead | undefined;
  #said: Instead | undefined;
  /** Of what was said instead. */
  transaction = '';
  /** Called with the number of each message that is about to leave. */
  says: (number: number) => void = () => {};

  constructor() {
    super();
    this.lie = (told) => {
      if (told.number === this.instead?.of) {
        this.#said = this.instead;
        this.instead = undefined;
        this.transaction = told.transaction;
      }
      // What he repeats he says again in the same words.
      if (told.number === this.#said?.of && told.transaction === this.transaction) ({ number: told.number, body: told.body } = this.#said);
      this.said.push({ number: told.number, body: told.body, transaction: told.transaction });
      this.says(told.number);
    };
  }
}

export type Stage = Awaited<ReturnType<typeof stage>>;

/**
 * A household whose devices and server are real, say what a test wants them to say, and are noted down. Messages of the laptop, its PN
 * GW, that {@link hold} names do not reach the server, so that what waits for its answer waits on.
 */
export async function stage(asked: readonly EntityId[] = []) {
  const [laptop, phone, board, server] = [new Party(), new Party(), new Party(), new Party()];
  const settings = (id: EntityId) => ({
    consent: asked.includes(id) ? ('ask' as const) : ('same-user' as const),
    confirm: 'paired' as const,
  });
  const home = await household(
    {
      laptop: { provider: laptop.provider, settings: settings(LAPTOP_ID) },
      phone: { provider: phone.provider, settings: settings(PHONE_ID) },
      board: { provider: board.provider, settings: settings(BOARD_ID) },
    },
    { provider: server.provider },
  );
  let drops = false;
  home.server.hook = ({ from, octets }) => {
    if (!drops || from !== LAPTOP_ID) return octets;
    drops = false;
    return [];
  };
  const hold = (type: AnyMessage) => {
    laptop.says = (number) => {
      drops = number === type.number;
    };
  };
  return { home, parties: { laptop, phone, board, server }, hold };
}

/** The PN ID that the last message of that type names, in its field `key`. */
export function pnNamed({ said }: Party, type: AnyMessage, key = 1): PnId {
  const body = said.findLast(({ number }) => number === type.number)?.body;
  return pnIdText(body?.get(key) as Uint8Array);
}

/** A message from one linked device to another, outside any flow; `pan`: in the PAN session of that PN where there is one. */
export interface Sent<M extends AnyMessage = AnyMessage> {
  readonly type: M;
  readonly body: BodyOf<M>;
  readonly pan?: PnId;
}
export const sent = <M extends AnyMessage>(message: Sent<M>): Sent => message as Sent;

type DeviceName = 'laptop' | 'phone';

/** What comes of a message from one device to another. */
export async function outcomeOf(
  { home, parties }: Stage,
  from: DeviceName,
  to: DeviceName,
  message: Sent,
  withinMs = SETTLED_MS,
): Promise<string> {
  const link = home[from].device.linkTo(home[to].id);
  if (link === undefined) throw new Error(`${from} is not linked with ${to}`);
  const { type, body, pan } = message;
  if (pan !== undefined && !type.channels.includes('link') && !link.hasPan(pan)) return 'no session';
  const hop = pan === undefined ? ({ kind: 'link' } as const) : link.hopOf(pan);
  const before = parties[to].said.length;
  let outcome: string | undefined;
  if (type.kind === 'request') {
    link.exchange.request(type, body, ANSWERS, hop, { timeoutMs: 60_000 }).then(
      (answer) => {
        outcome = read(answer.type, answer.body);
      },
      (error) => {
        outcome = statusOf(error);
      },
    );
  } else link.exchange.notify(type, body, hop);
  const { transaction } = parties[from].said.at(-1) ?? {};
  await home.clock.advance(withinMs);
  const heard = parties[to].said.slice(before);
  const said = heard.map(({ number }) => number);
  if (said.includes(authenticationRequestToPne.number)) return 'challenge';
  if (outcome !== undefined) return outcome;
  const waits = heard.some((one) => one.number === pending.number && one.transaction === transaction);
  if (type.kind === 'request') return waits ? 'Pending' : 'ignored';
  return consequenceOf(said, to);
}

/** Drives the rows of what has no row in these tables: every such message comes, from the device and from the server. */
export function others(from: DeviceName, to: DeviceName, tables: readonly OutcomeTable[]) {
  const named = new Set(tables.flatMap(({ rows }) => rows.map(({ message }) => message)));
  const rest = [...catalogue.values()].filter((type) => !named.has(type));
  const drive = (kind: 'refused' | 'ignored') => async (place: Place) => {
    for (const type of rest.filter((one) => (one.kind === 'request') === (kind === 'refused'))) {
      const came = [await outcomeOfNumber(place.on, from, to, type.number), await outcomeOfServers(place.on, to, type)];
      const odd = came.find((outcome) => outcome !== 'no session' && !REFUSALS[kind].includes(outcome));
      if (odd !== undefined) return `${type.name}: ${odd}`;
    }
    return kind;
  };
  return { 'every other request': drive('refused'), 'everything else': drive('ignored') };
}
const REFUSALS = { refused: ['BadMessage', 'WrongState'], ignored: ['ignored'] };

/** Any number, with an empty body, as a device would never send it by itself. */
async function outcomeOfNumber(on: Stage, from: DeviceName, to: DeviceName, number: number): Promise<string> {
  on.parties[from].instead = { of: entityDiscoveryRequest.number, number, body: new Map() };
  const came = await outcomeOf(on, from, to, sent({ type: entityDiscoveryRequest, body: { mode: 1, pns: [] } }), ODD_MS);
  return came;
}

/** Application data of the server. */
export const dataFor = (entity: EntityId) => ({
  data: {
    id: new Uint8Array(16).fill(1),
    from: 'server',
    to: Addressee.Entity,
    entity,
    channel: 'c',
    contentType: 't',
    payload: new Uint8Array(9),
  },
});

/** What comes of a message of the server in its session with a device. `body` undefined: empty, for a message that it never sends. */
export async function outcomeOfServers(
  { home, parties }: Stage,
  to: DeviceName,
  type: AnyMessage,
  body?: unknown,
  withinMs = SETTLED_MS / 5,
): Promise<string> {
  const octets = body === undefined ? undefined : encodeEnvelope(type, new Uint8Array(16), '', body);
  const told = octets === undefined ? undefined : (decodeEnvelope(octets, MAX_UPLINK_ENVELOPE).body as ReadonlyMap<number, CborValue>);
  parties.server.instead = { of: data.number, number: type.number, body: new Map(told) };
  const before = parties[to].said.length;
  const payload = new Uint8Array(PAYLOAD_OCTETS);
  void home.server.enabler.sendData({ to: home[to].id, channel: 'c', contentType: 't', payload }, 60_000).catch(() => undefined);
  await home.clock.advance(body === undefined ? ODD_MS : withinMs);
  if (parties.server.instead !== undefined) return 'no session';
  const said = parties[to].said.slice(before);
  // What the server wanted to say is sent again after a while, and answered.
  const isAnswer = (number: number) => (type === data || number !== dataAnswer.number) && ANSWERS.some((one) => one.number === number);
  const answer = said.find(({ number, transaction }) => transaction === parties.server.transaction && isAnswer(number));
  const answered = answer && catalogue.get(answer.number);
  if (answered !== undefined) return read(answered, answered.body.decode(answer?.body as Map<number, CborValue>, answered.name));
  if (said.some(({ number, transaction }) => number === pending.number && transaction === parties.server.transaction)) return 'Pending';
  return consequenceOf(
    said.map(({ number }) => number),
    to,
  );
}

/** What a message led to that nobody answers. All that a PNE says to the server is relayed: that tells nothing. */
function consequenceOf(said: readonly number[], by: DeviceName): string {
  const telling = by === 'phone' ? CONSEQUENCES.filter((type) => type !== relay) : CONSEQUENCES;
  return telling.find(({ number }) => said.includes(number))?.name ?? 'ignored';
}

/** The status that an answer gives, or what it is. */
function read(type: AnyMessage, body: unknown): string {
  const { status, pns, receipt } = body as {
    status?: number;
    pns?: readonly { status?: number }[];
    receipt?: { readonly status: number };
  };
  const said = status ?? receipt?.status ?? pns?.[0]?.status;
  return said === undefined ? type.name : statusName(said);
}

function statusOf(error: unknown): string {
  const { status, code } = toCpnsError(error);
  return status === undefined ? code : statusName(status);
}
