import { registerMember } from './001-fig-4-register-member.js';
import { registerNewcomer } from './001-fig-5-register-newcomer.js';
import { pnGwAssignment } from './002-fig-1-pn-gw-assignment.js';
import { gatewayConnects } from './002-fig-2-gateway-connects.js';
import { membershipAndKey } from './002-fig-3-membership.js';
import { entityDiscovery } from './003-fig-8-entity-discovery.js';
import { pneInitiated } from './003-fig-10-pne-initiated.js';
import { gatewayInitiated } from './003-fig-11-gateway-initiated.js';
import { inviteByGateway } from './003-fig-12-invite-by-gateway.js';
import { inviteByPne } from './003-fig-13-invite-by-pne.js';
import { joinPn } from './003-fig-14-join.js';
import { leave } from './003-fig-15-leave.js';
import { expel } from './003-fig-16-expel.js';
import { releaseByGateway } from './003-fig-18-release-by-gateway.js';
import { releaseByPne } from './003-fig-19-release-by-pne.js';
import { multipleUsers, multipleUsersNotChargeable, multipleUsersRefused } from './004-multiple-users.js';
import { alteredPairing, replayedAndAltered } from './attack.js';
import { adapterLostAndBack } from './ble-adapter-lost.js';
import { bleAndLanFailover, bleRoleTurnsRound, bleSevenPnes } from './ble-links.js';
import { bleOnlyPair } from './ble-only-pair.js';
import { bleDropAtEveryStep, bleHostilePeer, bleNotPermitted, bleRadioFrozen, bleRadioStuck } from './ble-trouble.js';
import { contentShownAndFetched, groupObjectSharedLater } from './contents.js';
import { electByCapability, electNobody, electWithThreeStarters, electWithTies } from './elect-by-capability.js';
import { aborted, establishAll, establishNamed, establishOneToOne, refuseToJoin } from './establish.js';
import { groupOfflineMemberReturns, groupOwnerChanges, groupServerRestarted } from './group-changes.js';
import { groupConsent, groupCreateAndTalk, groupOverBleAndLan, groupOverTwoGateways } from './group-talk.js';
import { groupExpelAtOnce, groupExpelWhileAway, groupLeaveRekeys, groupRelease, pnReleaseWithGroups } from './group-ways-out.js';
import { foreignClient, foreignResolver } from './outsiders.js';
import { pairByLink } from './pair-by-link.js';
import { pairTwo } from './pair-two.js';
import { guestPolicy, subscriptionTaken } from './policies.js';
import {
  agentKilledAndBack,
  gatewayUnpluggedAndBack,
  killedHalfWay,
  serverAwayThenBack,
  serverRestarted,
  startedWithoutServer,
} from './recover.js';
import type { Scenario } from './scenario.js';
import { wrongEuKey, wrongEuKeyAtGateway } from './wrong-eukey.js';

/** Every scenario, in the order of a person's first day with the product. */
export const SCENARIOS: readonly Scenario[] = [
  pairTwo,
  pairByLink,
  electByCapability,
  electWithTies,
  electWithThreeStarters,
  electNobody,
  entityDiscovery,
  pnGwAssignment,
  gatewayConnects,
  membershipAndKey,
  establishOneToOne,
  establishAll,
  establishNamed,
  refuseToJoin,
  aborted,
  pneInitiated,
  gatewayInitiated,
  registerMember,
  registerNewcomer,
  inviteByGateway,
  inviteByPne,
  joinPn,
  leave,
  expel,
  releaseByGateway,
  releaseByPne,
  multipleUsers,
  multipleUsersRefused,
  multipleUsersNotChargeable,
  guestPolicy,
  subscriptionTaken,
  contentShownAndFetched,
  groupCreateAndTalk,
  groupObjectSharedLater,
  groupConsent,
  groupOverTwoGateways,
  groupOverBleAndLan,
  groupLeaveRekeys,
  groupExpelAtOnce,
  groupExpelWhileAway,
  groupOfflineMemberReturns,
  groupServerRestarted,
  groupOwnerChanges,
  groupRelease,
  pnReleaseWithGroups,
  wrongEuKey,
  wrongEuKeyAtGateway,
  serverAwayThenBack,
  startedWithoutServer,
  agentKilledAndBack,
  killedHalfWay,
  gatewayUnpluggedAndBack,
  serverRestarted,
  replayedAndAltered,
  alteredPairing,
  foreignClient,
  foreignResolver,
  bleOnlyPair,
  bleAndLanFailover,
  bleRoleTurnsRound,
  bleSevenPnes,
  bleDropAtEveryStep,
  bleRadioFrozen,
  bleRadioStuck,
  bleNotPermitted,
  bleHostilePeer,
  adapterLostAndBack,
];
