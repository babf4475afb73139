import { type Clock, CpnsError, type EntityId } from '@cpns/shared';
import { modeName, Status, statusSentence } from '@cpns/shared/messages';
import { type Device, PnRole, pnIdText } from '../../index.js';
import { SETUP_STEPS, type Setup } from '../../pne/establish.js';
import type { AgentControl } from '../agent-control.js';
import type { ConsentAnswerParams, ConsentRequest } from '../api/consent.js';
import type { DoctorReport } from '../api/doctor.js';
import type { ResetParams, ResetResult } from '../api/lifecycle.js';
import type { LogLine, LogsParams } from '../api/logs.js';
import type { SendEvent, SendParams, SendResult, WatchEvent, WatchParams } from '../api/messages.js';
import type { PnCreated, PnCreateEvent, PnCreateParams, PnReport, PnShowParams } from '../api/networks.js';
import type { PeersParams, PeersReport } from '../api/peers.js';
import type { Progress } from '../api/progress.js';
import type { StatusReport } from '../api/status.js';
import type { HappeningFeed } from './happening-feed.js';
import type { LogMemory } from './log-memory.js';
import { DevicePairingControl, type PairingSurroundings } from './pairing-control.js';
import { peersReport, pnReport, pnSummary } from './reports.js';

/** A clock that is off by more is worth a warning; nothing else depends on it. */
const WRONG_CLOCK_MS = 5 * 60_000;

/** What stands around the device and is shown or used for it. */
export interface DeviceSurroundings extends PairingSurroundings {
  readonly version: string;
  readonly name: string;
  readonly allowUnprotectedPan: boolean;
  /** `host:port` of the server in use or tried last. */
  serverAddress(): string | undefined;
  doctor(signal: AbortSignal): Promise<DoctorReport>;
  reset(everything: boolean): Promise<ResetResult>;
  stop(): void;
}

/** The local control API over a {@link Device}. */
export class DeviceControl extends DevicePairingControl implements AgentControl {
  readonly #device: Device;
  readonly #clock: Clock;
  readonly #surroundings: DeviceSurroundings;
  readonly #feed: HappeningFeed;
  readonly #logs: LogMemory;
  readonly #startedMs: number;

  constructor(device: Device, clock: Clock, surroundings: DeviceSurroundings, feed: HappeningFeed, logs: LogMemory) {
    super(device, surroundings);
    this.#device = device;
    this.#clock = clock;
    this.#surroundings = surroundings;
    this.#feed = feed;
    this.#logs = logs;
    this.#startedMs = clock.monotonicMs();
  }

  async status(): Promise<StatusReport> {
    const device = this.#device;
    const { roles, neighbourhood, state } = device;
    const { gateway, reason } = roles.assignment;
    const cpnsId = state.serverKeys?.cpnsId;
    return {
      id: device.id,
      name: this.#surroundings.name,
      ...(cpnsId && { cpnsId }),
      version: this.#surroundings.version,
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
      mode: modeName(roles.mode),
      ...(gateway && { gateway }),
      modeReason: reason,
      server: this.#server(),
      pan: neighbourhood.technologies.map((technology) => {
        const problem = neighbourhood.problemOf(technology.type);
        return {
          technology: technology.type,
          state: problem === undefined ? ('running' as const) : ('problem' as const),
          addresses: technology.addresses(),
          ...(problem && { problem }),
        };
      }),
      ...(device.pairing.window && { pairingWindow: device.pairing.window }),
      peers: { paired: state.pairings().size, linked: device.linkedPeers().length, near: neighbourhood.sightings.size },
      pns: state.pns().map((record) => pnSummary(device, record)),
      consentsWaiting: device.consents.list().length,
      outbox: device.messenger.outbox.size,
      warnings: this.#warnings(),
    };
  }

  async peers({ explain }: PeersParams): Promise<PeersReport> {
    return peersReport(this.#device, explain);
  }

  async unpair({ peer }: { readonly peer: EntityId }): Promise<{ readonly peer: EntityId }> {
    await this.#device.unpair(peer);
    return { peer };
  }

  async listConsents(): Promise<{ readonly consents: readonly ConsentRequest[] }> {
    const nowMs = this.#clock.monotonicMs();
    return {
      consents: this.#device.consents.list().map(({ consentId, pnId, initiator, gateway, closesAtMs }) => ({
        consentId,
        pnId,
        initiator,
        gateway,
        closesInMs: Math.max(0, Math.round(closesAtMs - nowMs)),
      })),
    };
  }
  async acceptConsent({ consentId }: ConsentAnswerParams): Promise<{ readonly consentId: string }> {
    this.#device.consents.answer(consentId, true);
    return { consentId };
  }
  async refuseConsent({ consentId }: ConsentAnswerParams): Promise<{ readonly consentId: string }> {
    this.#device.consents.answer(consentId, false);
    return { consentId };
  }

  async createPn(params: PnCreateParams, progress: Progress<PnCreateEvent>): Promise<PnCreated> {
    const setup: Setup =
      params.setup === '1-1' ? { type: 'one-to-one' } : params.setup === 'all' ? { type: 'all' } : { type: 'named', pnes: params.pnes };
    const startedMs = this.#clock.monotonicMs();
    const { record, outcomes, establishMs } = await this.#device.establish(
      setup,
      params.gateway,
      (step, text) => progress.emit({ type: 'step', step, of: SETUP_STEPS, text }),
      progress.signal,
    );
    const results = outcomes.map(({ pne, status }) => ({
      id: pne,
      joined: status === Status.Success,
      ...(status !== Status.Success && { reason: statusSentence(status) }),
    }));
    for (const result of results) progress.emit({ type: 'member', ...result });
    return { pn: pnReport(this.#device, record), establishMs, totalMs: this.#clock.monotonicMs() - startedMs, outcomes: results };
  }

  async showPns({ pnId }: PnShowParams): Promise<{ readonly pns: readonly PnReport[] }> {
    const records = this.#device.state.pns().filter((record) => pnId === undefined || pnIdText(record.pnId) === pnId);
    if (pnId !== undefined && records.length === 0) {
      throw new CpnsError('State', 'UnknownPn', `This device is not in personal network ${pnId}: see "cpns-agent pn show".`);
    }
    return { pns: records.map((record) => pnReport(this.#device, record)) };
  }

  async send(params: SendParams, progress: Progress<SendEvent>): Promise<SendResult> {
    const { messenger } = this.#device;
    const startedMs = this.#clock.monotonicMs();
    const messageId = await messenger.queue({
      pnId: params.pnId,
      to: params.to.kind === 'server' ? 'server' : params.to.id,
      channel: params.channel,
      contentType: params.contentType,
      payload: new Uint8Array(Buffer.from(params.payload, 'base64')),
    });
    progress.emit({ type: 'queued', messageId });
    if (params.waitMs === undefined) return { messageId, state: 'queued' };
    if (!(await this.#delivered(messageId, params.waitMs, progress.signal))) {
      throw new CpnsError('State', 'MessageExpired', 'The message could not be delivered and was given up.');
    }
    return { messageId, state: 'delivered', afterMs: this.#clock.monotonicMs() - startedMs };
  }

  watch(params: WatchParams, progress: Progress<WatchEvent>): Promise<void> {
    const forget = this.#feed.watch((event) => {
      const wanted =
        event.type === 'message'
          ? params.messages && (params.channel === undefined || event.channel === params.channel)
          : params.happenings;
      if (wanted) progress.emit(event);
    });
    return untilAborted(progress.signal, forget);
  }

  async logs(params: LogsParams, progress: Progress<LogLine>): Promise<void> {
    for (const line of this.#logs.past(params)) progress.emit(line);
    if (params.follow)
      await untilAborted(
        progress.signal,
        this.#logs.follow(params.level, (line) => progress.emit(line)),
      );
  }

  doctor(signal: AbortSignal): Promise<DoctorReport> {
    return this.#surroundings.doctor(signal);
  }
  reset({ everything }: ResetParams): Promise<ResetResult> {
    return this.#surroundings.reset(everything);
  }
  async stop(): Promise<Record<string, never>> {
    this.#surroundings.stop();
    return {};
  }

  #delivered(messageId: string, waitMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', gone);
      };
      const gone = () => {
        end();
        reject(signal.reason);
      };
      const cancel = this.#clock.after(waitMs, () => {
        end();
        reject(new CpnsError('Timeout', 'NotDelivered', 'The message was not delivered in time; it stays queued and is tried again.'));
      });
      signal.addEventListener('abort', gone, { once: true });
      void this.#device.messenger.outcome(messageId).then((delivered) => {
        end();
        resolve(delivered);
      });
    });
  }

  #server(): StatusReport['server'] {
    const device = this.#device;
    const { reach } = device.roles;
    const serves = (device.roles.mode & 2) !== 0;
    const { isReady, reason } = device.uplink;
    const address = this.#surroundings.serverAddress();
    const offset = device.clockOffsetMs;
    return {
      id: device.serverId,
      ...(address && { address }),
      uplink: !serves ? 'unused' : isReady ? 'connected' : 'connecting',
      ...(serves && !isReady && { reason }),
      ...(reach && {
        probe: {
          reachable: reach.reachable,
          ...(reach.reason && { reason: reach.reason }),
          ageMs: Math.round(this.#clock.monotonicMs() - reach.atMonotonicMs),
        },
      }),
      ...(offset !== undefined && { clockOffsetMs: offset }),
    };
  }

  #warnings(): string[] {
    const warnings: string[] = [];
    const offset = this.#device.clockOffsetMs;
    if (offset !== undefined && Math.abs(offset) > WRONG_CLOCK_MS) {
      warnings.push(
        `The clock of this device is ${Math.round(Math.abs(offset) / 60_000)} minutes ${offset > 0 ? 'ahead of' : 'behind'} the server; everything works, but times shown are wrong.`,
      );
    }
    if (this.#surroundings.allowUnprotectedPan)
      warnings.push('allowUnprotectedPan is on: others near can read and forge what devices without a LocalEUKey send.');
    for (const { consentId, initiator } of this.#device.consents.list()) {
      warnings.push(`${initiator} asks this device into a personal network: cpns-agent consent accept ${consentId}`);
    }
    for (const record of this.#device.state.pns()) {
      const waits = record.role === PnRole.Pne && this.#device.linkTo(record.gateway) === undefined;
      if (waits) warnings.push(`The PN GW ${record.gateway} is not linked: messages of personal network ${pnIdText(record.pnId)} wait.`);
    }
    return warnings;
  }
}

function untilAborted(signal: AbortSignal, cleanUp: () => void): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cleanUp();
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
  });
}
