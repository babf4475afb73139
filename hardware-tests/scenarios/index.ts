import { alteredPairing, replayedAndAltered } from './attack.js';
import { adapterLostAndBack } from './ble-adapter-lost.js';
import { bleAndLanFailover, bleRoleTurnsRound, bleSevenPnes } from './ble-links.js';
import { bleOnlyPair } from './ble-only-pair.js';
import { bleDropAtEveryStep, bleHostilePeer, bleRadioFrozen } from './ble-trouble.js';
import { electByCapability, electNobody, electWithThreeStarters, electWithTies } from './elect-by-capability.js';
import { aborted, establishAll, establishNamed, establishOneToOne, refuseToJoin } from './establish.js';
import { foreignClient, foreignResolver } from './outsiders.js';
import { pairByLink } from './pair-by-link.js';
import { pairTwo } from './pair-two.js';
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
  establishOneToOne,
  establishAll,
  establishNamed,
  refuseToJoin,
  aborted,
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
  bleHostilePeer,
  adapterLostAndBack,
];
