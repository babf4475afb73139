import { setMaxListeners } from 'node:events';
import { MAX_PNES_PER_REGISTRATION } from '@cpns/shared/messages';

/** A flow with many PNEs has that many listen to one signal; of more than these, which are a leak, Node warns from now on. */
export function boundListeners(): void {
  setMaxListeners(2 * MAX_PNES_PER_REGISTRATION);
}
