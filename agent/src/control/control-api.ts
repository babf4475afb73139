import type * as v from 'valibot';
import type { AgentControl } from './agent-control.js';
import { consentAnswerParams } from './api/consent.js';
import { type FetchEvent, fetchParams } from './api/contents.js';
import { type PnEntryEvent, pnInviteParams, pnJoinParams, pnRegisterParams } from './api/entry.js';
import { noParams } from './api/fields.js';
import {
  type GroupEvent,
  groupCreateParams,
  groupJoinParams,
  groupListParams,
  groupMembersParams,
  groupObjectParams,
  groupOwnerParams,
  groupShareParams,
  groupShowParams,
} from './api/groups.js';
import { resetParams } from './api/lifecycle.js';
import { type LogLine, logsParams } from './api/logs.js';
import { type SendEvent, sendParams, type WatchEvent, watchParams } from './api/messages.js';
import { type PnCreateEvent, pnCreateParams, pnEndParams, pnExpelParams, pnShowParams } from './api/networks.js';
import {
  type PairingEvent,
  pairAnswerParams,
  pairLinkShowParams,
  pairLinkTakeParams,
  pairOpenParams,
  pairPeerParams,
  unpairParams,
} from './api/pairing.js';
import { peersParams } from './api/peers.js';
import type { Progress } from './api/progress.js';

type ParamsSchema = v.GenericSchema<unknown, unknown>;

/** One method: how its parameters are checked and which part of {@link AgentControl} does it. */
interface Method<Schema extends ParamsSchema, Event, Result> {
  readonly params: Schema;
  run(agent: AgentControl, params: v.InferOutput<Schema>, progress: Progress<Event>): Promise<Result>;
}

/** A method without events. */
function call<Schema extends ParamsSchema, Result>(
  params: Schema,
  run: (agent: AgentControl, params: v.InferOutput<Schema>, signal: AbortSignal) => Promise<Result>,
): Method<Schema, never, Result> {
  return { params, run: (agent, checked, progress) => run(agent, checked, progress.signal) };
}

/** A method that reports events before its result. */
function stream<Event>() {
  return <Schema extends ParamsSchema, Result>(
    params: Schema,
    run: (agent: AgentControl, params: v.InferOutput<Schema>, progress: Progress<Event>) => Promise<Result>,
  ): Method<Schema, Event, Result> => ({ params, run });
}

/** THE table of the local control API. The types of parameters, events and results follow from it. */
export const controlApi = {
  status: call(noParams, (agent) => agent.status()),
  peers: call(peersParams, (agent, params) => agent.peers(params)),
  'pair.open': stream<PairingEvent>()(pairOpenParams, (agent, params, progress) => agent.openPairing(params, progress)),
  'pair.peer': stream<PairingEvent>()(pairPeerParams, (agent, params, progress) => agent.pairWithPeer(params, progress)),
  'pair.link.show': stream<PairingEvent>()(pairLinkShowParams, (agent, params, progress) => agent.showPairingLink(params, progress)),
  'pair.link.take': stream<PairingEvent>()(pairLinkTakeParams, (agent, params, progress) => agent.takePairingLink(params, progress)),
  'pair.answer': call(pairAnswerParams, (agent, params) => agent.answerPairing(params)),
  unpair: call(unpairParams, (agent, params) => agent.unpair(params)),
  'consent.list': call(noParams, (agent) => agent.listConsents()),
  'consent.accept': call(consentAnswerParams, (agent, params) => agent.acceptConsent(params)),
  'consent.refuse': call(consentAnswerParams, (agent, params) => agent.refuseConsent(params)),
  'pn.create': stream<PnCreateEvent>()(pnCreateParams, (agent, params, progress) => agent.createPn(params, progress)),
  'pn.leave': call(pnEndParams, (agent, params) => agent.leavePn(params)),
  'pn.expel': call(pnExpelParams, (agent, params) => agent.expelPne(params)),
  'pn.release': call(pnEndParams, (agent, params) => agent.releasePn(params)),
  'pn.show': call(pnShowParams, (agent, params) => agent.showPns(params)),
  'pn.list': call(noParams, (agent, _params, signal) => agent.listPns(signal)),
  'pn.join': stream<PnEntryEvent>()(pnJoinParams, (agent, params, progress) => agent.joinPn(params, progress)),
  'pn.register': stream<PnEntryEvent>()(pnRegisterParams, (agent, params, progress) => agent.registerInPn(params, progress)),
  'pn.invite': stream<PnEntryEvent>()(pnInviteParams, (agent, params, progress) => agent.inviteIntoPn(params, progress)),
  'group.create': stream<GroupEvent>()(groupCreateParams, (agent, params, progress) => agent.createGroup(params, progress)),
  'group.list': call(groupListParams, (agent, params, signal) => agent.listGroups(params, signal)),
  'group.show': call(groupShowParams, (agent, params) => agent.showGroups(params)),
  'group.fetch': stream<FetchEvent>()(groupObjectParams, (agent, params, progress) => agent.fetchObject(params, progress)),
  'group.share': call(groupShareParams, (agent, params, signal) => agent.shareObject(params, signal)),
  'group.unshare': call(groupObjectParams, (agent, params, signal) => agent.unshareObject(params, signal)),
  'group.invite': stream<GroupEvent>()(groupMembersParams, (agent, params, progress) => agent.inviteIntoGroup(params, progress)),
  'group.join': stream<GroupEvent>()(groupJoinParams, (agent, params, progress) => agent.joinGroup(params, progress)),
  'group.leave': call(groupShowParams, (agent, params) => agent.leaveGroup(params)),
  'group.expel': call(groupMembersParams, (agent, params) => agent.expelFromGroup(params)),
  'group.release': call(groupShowParams, (agent, params) => agent.releaseGroup(params)),
  'group.owner': stream<GroupEvent>()(groupOwnerParams, (agent, params, progress) => agent.handOverGroup(params, progress)),
  send: stream<SendEvent>()(sendParams, (agent, params, progress) => agent.send(params, progress)),
  fetch: stream<FetchEvent>()(fetchParams, (agent, params, progress) => agent.fetch(params, progress)),
  watch: stream<WatchEvent>()(watchParams, (agent, params, progress) => agent.watch(params, progress)),
  logs: stream<LogLine>()(logsParams, (agent, params, progress) => agent.logs(params, progress)),
  doctor: call(noParams, (agent, _params, signal) => agent.doctor(signal)),
  reset: call(resetParams, (agent, params) => agent.reset(params)),
  stop: call(noParams, (agent) => agent.stop()),
} as const;

export type ControlApi = typeof controlApi;
export type ControlMethod = keyof ControlApi;
/** As a client may write them: what has a default can be left out. */
export type ControlParams<M extends ControlMethod> = v.InferInput<ControlApi[M]['params']>;
export type ControlEvent<M extends ControlMethod> = ControlApi[M] extends Method<infer _S, infer Event, infer _R> ? Event : never;
export type ControlResult<M extends ControlMethod> = Awaited<ReturnType<ControlApi[M]['run']>>;

export function isControlMethod(name: string): name is ControlMethod {
  return Object.hasOwn(controlApi, name);
}
