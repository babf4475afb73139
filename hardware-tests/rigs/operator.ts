import { CpnsError, entityId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import type { ServerAdmin } from './rig.js';

/** The person at the server of a stage, who gives out enrolment codes. */
export class Operator {
  readonly #admin: () => ServerAdmin;
  readonly #users = new Map<string, Promise<void>>();

  constructor(admin: () => ServerAdmin) {
    this.#admin = admin;
  }

  /** The enrolment code of a new device; its user is added with it unless the scenario has done that. */
  async enrol(device: string, user = 'ann'): Promise<string> {
    let added = this.#users.get(user);
    if (added === undefined) {
      added = this.#addUser(user);
      this.#users.set(user, added);
    }
    await added;
    return (await this.#admin().addDevice({ entityId: entityId(device), userId: userId(user) })).code;
  }

  async #addUser(user: string): Promise<void> {
    try {
      await this.#admin().addUser({ userId: userId(user), services: [PN_GW_SERVICE], chargeable: false });
    } catch (error) {
      // The scenario has added it, as it wants it to be.
      if (!(error instanceof CpnsError) || error.code !== 'DuplicateUser') throw error;
    }
  }
}
