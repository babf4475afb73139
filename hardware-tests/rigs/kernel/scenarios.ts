import { adapterLostAndBack } from '../../scenarios/ble-adapter-lost.js';
import { establishAll, establishOneToOne } from '../../scenarios/establish.js';
import { pairTwo } from '../../scenarios/pair-two.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { libraries } from './inside/libraries.js';

/** What is played on the rig `kernel`: what shows the kernel's part in it, within the time that a processor in software needs. */
export const KERNEL_SCENARIOS: readonly Scenario[] = [libraries, pairTwo, establishOneToOne, establishAll, adapterLostAndBack];
