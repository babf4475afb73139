import type { EntityId } from '@cpns/shared';
import {
  type AnyMessage,
  ack,
  authenticationResponses,
  authorizationResponse,
  type BodyOf,
  capabilitiesQueryResponse,
  capabilitiesUpdate,
  connectionSetupRequest,
  data,
  dataAnswer,
  type Envelope,
  groupKeyAck,
  groupKeyResyncRequest,
  heartbeatAnswer,
  pneConfirmResponse,
  pneRegistrationForward,
  pneRequest,
  pnKeyRequest,
  pnMembershipRequest,
  pnRegistrationRequest,
  pnReleaseRequest,
  pnUpdateRequest,
  reconcile,
  refusal,
  sessionAcknowledgement,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgData,
  sgDataAnswer,
  sgDiscoveryRequest,
  sgObjectChangeRequest,
  sgObjectRequest,
  sgObjectResponse,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { sessionAcknowledged } from './acknowledgement.js';
import { authenticate } from './authentication.js';
import { statusReported, updateCapabilities } from './capabilities.js';
import { authorize, setUpConnection } from './connection-setup.js';
import type { EnablerContext } from './context.js';
import { receiveData } from './data.js';
import { registerPn } from './establish.js';
import { actOnGroup } from './groups/action.js';
import { createGroup } from './groups/create.js';
import { discoverGroups } from './groups/discover.js';
import { passGroupMessage } from './groups/messages.js';
import { changeObject } from './groups/object-changes.js';
import { brokerObject } from './groups/objects.js';
import { transferGroup } from './groups/owner.js';
import { releaseGroup } from './groups/release.js';
import { giveGroupKeys, groupKeyTaken } from './groups/resync.js';
import { alive } from './heartbeat.js';
import type { Incoming } from './incoming.js';
import { updatePn } from './membership.js';
import { lookUpMembership } from './membership-policy.js';
import { givePnKey } from './pn-key.js';
import { servePneRequest } from './pne-request.js';
import { compare } from './reconcile.js';
import { challengeMember } from './register.js';
import { releasePn } from './release.js';
import type { Session } from './session.js';

/** How the server deals with one kind of request or notify. */
export interface Flow {
  readonly type: AnyMessage;
  /** Its answer is kept in the inbox, so that a repetition gets the same one. */
  readonly kept: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a table of flows with different bodies has no other type
  handle(context: EnablerContext, incoming: Incoming<any>): Promise<void>;
  /** The PNE that a PN GW acts for, as part of what makes the request the same one. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  actedFor?(body: any): EntityId;
}

type Handler<M> = (context: EnablerContext, incoming: Incoming<BodyOf<M>>) => Promise<void>;

/** Changes something once: repeated requests get the stored answer. */
function once<M extends AnyMessage>(type: M, handle: Handler<M>, actedFor?: (body: BodyOf<M>) => EntityId): Flow {
  return { type, kept: true, handle, ...(actedFor && { actedFor }) };
}

/** Reads, or does what does no harm when done twice. */
function anew<M extends AnyMessage>(type: M, handle: Handler<M>): Flow {
  return { type, kept: false, handle };
}

/** Every request and notify that this server serves, by message number. */
export const FLOWS: ReadonlyMap<number, Flow> = new Map(
  [
    // seed 002, figure 2
    once(connectionSetupRequest, setUpConnection),
    once(authorizationResponse, authorize),
    anew(sessionAcknowledgement, sessionAcknowledged),
    anew(capabilitiesUpdate, updateCapabilities),
    anew(reconcile, compare),
    // seed 002, figure 3
    anew(pnMembershipRequest, lookUpMembership),
    anew(pnKeyRequest, givePnKey),
    // seed 003, figure 10
    once(pnRegistrationRequest, registerPn),
    once(authenticationResponses, authenticate),
    // seed 001, figure 4
    once(pneRegistrationForward, challengeMember, (body) => body.hello.idPne),
    // seed 003, figures 12, 13 and 16; seed 001, figure 5
    once(pnUpdateRequest, updatePn),
    // seed 003, figures 14 and 15
    once(pneRequest, servePneRequest, (body) => body.pne),
    // seed 003, figures 18 and 19
    once(pnReleaseRequest, releasePn),
    anew(data, receiveData),
    // seed 000
    once(sgCreateRequest, createGroup),
    once(sgActionRequest, actOnGroup),
    once(sgReleaseRequest, releaseGroup),
    once(sgOwnerTransferRequest, transferGroup),
    once(sgObjectChangeRequest, changeObject),
    anew(sgDiscoveryRequest, discoverGroups),
    anew(sgObjectRequest, brokerObject),
    anew(groupKeyResyncRequest, giveGroupKeys),
    anew(groupKeyAck, groupKeyTaken),
    anew(sgData, passGroupMessage),
  ].map((flow) => [flow.type.number, flow]),
);

type AnswerHandler = (context: EnablerContext, session: Session, envelope: Envelope) => Promise<void>;
const delivered: AnswerHandler = (context, session, envelope) => context.outbox.answered(session, envelope);

/** An answer to a question that somebody waits for. */
const replied: AnswerHandler = async (context, session, envelope) => void context.questions.answered(session, envelope);

/** An answer to either. */
const taken: AnswerHandler = async (context, session, envelope) => {
  if (!context.questions.answered(session, envelope)) await delivered(context, session, envelope);
};

/** What devices answer to this server, by message number. */
export const ANSWERS: ReadonlyMap<number, AnswerHandler> = new Map<number, AnswerHandler>([
  [ack.number, taken],
  [dataAnswer.number, delivered],
  [refusal.number, taken],
  [pneConfirmResponse.number, replied],
  [sgActionResponse.number, replied],
  [sgObjectResponse.number, replied],
  [sgOwnerTransferResponse.number, replied],
  [capabilitiesQueryResponse.number, replied],
  [sgDataAnswer.number, async (context, { entityId }, envelope) => context.deliveries.answered(entityId, envelope)],
  [heartbeatAnswer.number, alive],
  [statusManagementResponse.number, statusReported],
]);
