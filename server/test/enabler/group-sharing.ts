import type { EntityId, PnId, SgId } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  type SharedObject,
  Status,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgObjectChangeRequest,
  sgObjectChangeResponse,
  sgObjectRequest,
  sgObjectResponse,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice } from './group-devices.js';
import { Rig } from './rig.js';

export interface GroupHome {
  readonly rig: Rig;
  readonly gateway: GatewayDouble;
  readonly pnId: PnId;
  readonly devices: readonly GroupDevice[];
}

/** One user with a PN GW, and these PNEs in one PN behind it. */
export async function groupHome(names: readonly string[], rig = new Rig()): Promise<GroupHome> {
  rig.hasGroups = true;
  await rig.user();
  const gateway = await GatewayDouble.connected(rig);
  const pnes = await Promise.all(names.map((name) => PneDouble.of(gateway, name)));
  const pnId = await established(gateway, pnes);
  return { rig, gateway, pnId, devices: pnes.map((pne) => new GroupDevice(rig, pne, pnId)) };
}

/** Of that holder, for everybody unless `more` says otherwise. */
export function objectOf(holder: GroupDevice, id: string, more: Partial<SharedObject> = {}): SharedObject {
  return { id, name: id, type: 'text/plain', holder: holder.entityId, ...more };
}

type Asked = BodyOf<typeof sgObjectRequest>;
type Answered = BodyOf<typeof sgObjectResponse>;
export const part = new Uint8Array(15_000).fill(5);

/** What that holder is asked for, and how it answers. */
export function answering(
  holder: GroupDevice,
  answer: (asked: Asked) => Answered = ({ index }) => ({ status: Status.Success, index, size: 20_000, part }),
) {
  const asked: Asked[] = [];
  const meanwhile = async () => {
    for (const envelope of holder.device.takeEnvelopes(sgObjectRequest)) {
      const body = bodyOf(envelope, sgObjectRequest);
      asked.push(body);
      await holder.answer(envelope, sgObjectResponse, answer(body));
    }
  };
  return { asked, meanwhile };
}

/** `by` asks for the first part of an object of `holder`. @throws CpnsError of a refusal */
export function fetchPart(
  by: GroupDevice,
  sgId: SgId,
  objectId: string,
  holder: GroupDevice,
  { more = {}, meanwhile = answering(holder).meanwhile, passMs = 100 }: FetchOptions = {},
): Promise<Answered> {
  const body = { sgId: fromHex(sgId), objectId, holder: holder.entityId, origin: by.entityId, index: 0, ...more };
  return by.request(sgObjectRequest, body, sgObjectResponse, { meanwhile, passMs });
}

interface FetchOptions {
  readonly more?: Partial<Asked>;
  readonly meanwhile?: () => Promise<void>;
  readonly passMs?: number;
}

/** Shares what `object` says. @throws CpnsError of a refusal */
export function share(
  by: GroupDevice,
  sgId: SgId,
  { id: objectId, holder, ...sharing }: SharedObject,
): Promise<BodyOf<typeof sgObjectChangeResponse>> {
  return by.request(sgObjectChangeRequest, { sgId: fromHex(sgId), objectId, holder, sharing }, sgObjectChangeResponse);
}

/** @throws CpnsError of a refusal */
export function withdraw(by: GroupDevice, sgId: SgId, objectId: string, holder: EntityId = by.entityId) {
  return by.request(sgObjectChangeRequest, { sgId: fromHex(sgId), objectId, holder }, sgObjectChangeResponse);
}

/** What the server lists for that device in that group. */
export async function listedTo(viewer: GroupDevice, sgId: SgId): Promise<readonly SharedObject[]> {
  const body = { origin: viewer.entityId, memberReq: false, sgId: fromHex(sgId) };
  return (await viewer.request(sgDiscoveryRequest, body, sgDiscoveryResponse)).groups[0]?.objects ?? [];
}
