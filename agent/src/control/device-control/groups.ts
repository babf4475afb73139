import { createHash } from 'node:crypto';
import { CpnsError } from '@cpns/shared';
import { partCount, type SharedObject, Status, statusSentence } from '@cpns/shared/messages';
import { sgIdText } from '../../entity/device-state.js';
import { alteredObject } from '../../entity/groups/group-objects.js';
import type { GroupOutcome } from '../../entity/groups/group-requests.js';
import type { OwnGroup } from '../../entity/groups/groups.js';
import type { GroupMemberOutcome, GroupShared, GroupsControl } from '../api/groups.js';
import type { PnContent } from '../api/networks.js';
import type { ControlContext, RunningDevice } from './control-context.js';
import { foundGroup, groupReport, objectReport } from './group-report.js';

/** The server waits for people so long (protocol 0.3). */
const CONSENT_MS = 75_000;

export function groupsControl({ current, clock, settings }: ControlContext): GroupsControl {
  const until = (running: RunningDevice, signal: AbortSignal) => AbortSignal.any([signal, running.signal]);
  const waiting = (text: string) => ({ type: 'waiting', text, atMostMs: CONSENT_MS }) as const;

  return {
    async createGroup(params, { emit, signal }) {
      const running = current();
      if (params.members.length > 0) emit(waiting('People at the other devices may have to say yes'));
      const { group, outcomes } = await running.device.groups.create(params, until(running, signal));
      return { group: groupReport(group), outcomes: outcomes.map(outcomeReport) };
    },

    async listGroups({ all, keyword, serviceId }, signal) {
      const running = current();
      const { groups } = running.device;
      if (!all) return { groups: groups.list().filter(isWanted(keyword, serviceId)).map(groupReport) };
      const own = new Map(groups.list().map((group) => [sgIdText(group.record.sgId), group]));
      const found = await groups.discover({ keyword, serviceId }, until(running, signal));
      return {
        groups: found.map((info) => {
          const mine = own.get(sgIdText(info.sgId));
          return mine === undefined ? foundGroup(info) : groupReport(mine);
        }),
      };
    },

    async showGroups({ group }) {
      const { groups } = current().device;
      return { groups: (group === undefined ? groups.list() : [groups.find(group)]).map(groupReport) };
    },

    async fetchObject({ group, object: wanted, from: holder }, { emit, signal }) {
      const running = current();
      const { groups } = running.device;
      const startedAtMs = clock.monotonicMs();
      const found = await groups.findObject(group, wanted, holder, until(running, signal));
      const { id, name, type, holder: from } = found.object;
      const { contentOctets } = settings.limits;
      const hash = createHash('sha256');
      let content: PnContent = { id, name, type, chargeable: false };
      const take = (part: Uint8Array, index: number, size: number) => {
        if (size > contentOctets)
          throw new CpnsError('State', 'ContentTooLarge', `"${name}" has ${size} octets: raise limits.contentOctets (${contentOctets}).`);
        content = { ...content, size };
        if (index === 0) emit({ type: 'begins', content, parts: partCount(size) });
        hash.update(part);
        if (part.length > 0) emit({ type: 'part', part: index, payload: Buffer.from(part).toString('base64') });
      };
      await groups.fetchObject(found, take, until(running, signal));
      if (hash.digest('hex') !== id) throw alteredObject(found.object);
      return { sgId: sgIdText(found.record.sgId), from, content, afterMs: Math.round(clock.monotonicMs() - startedAtMs) };
    },

    async shareObject({ group, ...wanted }, signal) {
      const running = current();
      return sharedReport(await running.device.groups.share(group, wanted, until(running, signal)));
    },

    async unshareObject({ group, object, from }, signal) {
      const running = current();
      return sharedReport(await running.device.groups.withdraw(group, object, from, until(running, signal)));
    },

    async inviteIntoGroup({ group, members }, { emit, signal }) {
      const running = current();
      const { groups } = running.device;
      emit(waiting('People at the other devices may have to say yes'));
      const outcomes = await groups.invite(group, members, until(running, signal));
      return { group: groupReport(groups.find(group)), outcomes: outcomes.map(outcomeReport) };
    },

    async joinGroup({ group, pnId }, { emit, signal }) {
      const running = current();
      emit(waiting('The owner of the group may have to say yes'));
      return { group: groupReport(await running.device.groups.join(group, pnId, until(running, signal))) };
    },

    async leaveGroup({ group }) {
      return { sgId: await current().device.groups.leave(group) };
    },

    async expelFromGroup({ group, members }) {
      return await current().device.groups.expel(group, members);
    },

    async releaseGroup({ group }) {
      return { sgId: await current().device.groups.release(group) };
    },

    async handOverGroup({ group, candidate }, { emit, signal }) {
      const running = current();
      emit(waiting(`Somebody at ${candidate} may have to say yes`));
      return { group: groupReport(await running.device.groups.handOver(group, candidate, until(running, signal))) };
    },
  };
}

function isWanted(keyword: string | undefined, serviceId: string | undefined) {
  return ({ record }: { readonly record: { readonly name: string; readonly serviceId?: string | undefined } }) =>
    (keyword === undefined || record.name.toLowerCase().includes(keyword.toLowerCase())) &&
    (serviceId === undefined || record.serviceId === serviceId);
}

function sharedReport({ group, object }: { readonly group: OwnGroup; readonly object: SharedObject }): GroupShared {
  return { group: groupReport(group), object: objectReport(object) };
}

function outcomeReport({ pne, status }: GroupOutcome): GroupMemberOutcome {
  return status === Status.Success ? { id: pne, joined: true } : { id: pne, joined: false, reason: `${statusSentence(status)}.` };
}
