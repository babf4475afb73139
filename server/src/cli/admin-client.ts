import { randomBytes, timingSafeEqual } from 'node:crypto';
import { CpnsError, type EntityId, type PnId, type SgId, type UserId } from '@cpns/shared';
import type { Secret } from '@cpns/shared/security';
import { proofOf, readAdminAddress, readAdminToken } from '../api/admin-access.js';
import type {
  ChargingFilter,
  ChargingPage,
  DeviceView,
  Enrolment,
  GatewayView,
  GroupView,
  NewDevice,
  NewUser,
  PnView,
  SendResult,
  UserView,
  WatchItem,
} from '../api/admin-port.js';
import type { ErrorBody } from '../api/http-errors.js';
import type { InvitationView, PolicyView } from '../api/policy-port.js';
import type { PolicyChange, SubscriptionChange } from '../inventory/users.js';
import { ServerRefusal } from './exit-codes.js';
import { readLines } from './read-lines.js';

/** The server answers within, beside what a request itself waits for. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Ten thousand devices and more. */
const MAX_ANSWER_OCTETS = 64 * 1024 * 1024;
/** Longest line of a watch: 16,000 octets in base64, and room to spare. */
const MAX_LINE_OCTETS = 65_536;
/** The server sends at least an empty line every 15 s. */
const WATCH_SILENCE_MS = 60_000;

/** A message from the operator; `payload` is base64. */
export interface OutgoingMessage {
  readonly to: EntityId;
  readonly channel: string;
  readonly contentType: string;
  readonly payload: string;
  readonly waitMs: number;
}

export interface WatchOptions {
  readonly entity?: string;
  readonly channel?: string;
  readonly kind?: WatchItem['kind'];
  /** So many of what is kept come first, at most 100. */
  readonly past?: number;
}

/** How requests get to the server: `path` begins with "/". @throws what says that it was not reached */
export type AskServer = (path: string, request: RequestInit) => Promise<Response>;

interface AdminServerPlace {
  readonly stateDirectory: string;
  readonly url: string;
  readonly token: Secret;
  readonly ask: AskServer;
}

/** The admin API of the running server, as the commands use it. All calls throw {@link ServerRefusal} or State/ServerNotRunning. */
export class AdminClient {
  readonly #stateDirectory: string;
  readonly #url: string;
  readonly #headers: { readonly authorization: string };
  readonly #ask: AskServer;
  readonly #signal: AbortSignal;

  private constructor({ stateDirectory, url, token, ask }: AdminServerPlace, signal: AbortSignal) {
    this.#stateDirectory = stateDirectory;
    this.#url = url;
    this.#headers = { authorization: `Bearer ${Buffer.from(token.reveal()).toString('latin1')}` };
    this.#ask = ask;
    this.#signal = signal;
  }

  /** Asks a server that shares this process. */
  static within(ask: AskServer, token: Secret, signal: AbortSignal): AdminClient {
    return new AdminClient({ stateDirectory: 'memory', url: 'this process', token, ask }, signal);
  }

  /**
   * Finds the server of that state directory and has it prove itself; only then is the token shown to it.
   * @throws CpnsError State/ServerNotRunning, State/NotInitialised, Config/UnsafePermissions, Config/UnsafeOwner
   */
  static async open(stateDirectory: string, signal: AbortSignal): Promise<AdminClient> {
    const token = await readAdminToken(stateDirectory);
    const url = await readAdminAddress(stateDirectory);
    if (url === undefined) throw notRunning(stateDirectory);
    const client = new AdminClient({ stateDirectory, url, token, ask: (path, request) => fetch(url + path, request) }, signal);
    await client.#requireProof(token);
    return client;
  }

  addUser = (user: NewUser) => this.#call<UserView>('POST', '/v1/users', user);
  listUsers = async () => (await this.#call<{ users: readonly UserView[] }>('GET', '/v1/users')).users;
  changeUser = (userId: UserId, change: SubscriptionChange) => this.#call<UserView>('PATCH', `/v1/users/${userId}`, change);
  removeUser = (userId: UserId) => this.#call<void>('DELETE', `/v1/users/${userId}`);

  addDevice = (device: NewDevice) => this.#call<Enrolment>('POST', '/v1/devices', device);
  listDevices = async (userId?: UserId) =>
    (await this.#call<{ devices: readonly DeviceView[] }>('GET', `/v1/devices${query({ user: userId })}`)).devices;
  showDevice = (entityId: EntityId) => this.#call<DeviceView>('GET', `/v1/devices/${entityId}`);
  revokeDevice = (entityId: EntityId) => this.#call<DeviceView>('POST', `/v1/devices/${entityId}/revoke`);

  moveDevice = (entityId: EntityId, userId: UserId) => this.#call<DeviceView>('POST', `/v1/devices/${entityId}/move`, { userId });

  showPolicy = (userId: UserId) => this.#call<PolicyView>('GET', `/v1/users/${userId}/policy`);
  setPolicy = (userId: UserId, change: PolicyChange) => this.#call<PolicyView>('PATCH', `/v1/users/${userId}/policy`, change);
  allowGuest = (userId: UserId, invitation: InvitationView) =>
    this.#call<PolicyView>('POST', `/v1/users/${userId}/invitations`, invitation);
  forbidGuest = (userId: UserId, { device, user, pnId }: InvitationView) =>
    this.#call<PolicyView>('DELETE', `/v1/users/${userId}/invitations${query({ device, user, pnId })}`);

  listGateways = async () => (await this.#call<{ gateways: readonly GatewayView[] }>('GET', '/v1/gateways')).gateways;
  listPns = async () => (await this.#call<{ pns: readonly PnView[] }>('GET', '/v1/pns')).pns;
  showPn = (pnId: PnId) => this.#call<PnView>('GET', `/v1/pns/${pnId}`);

  removePn = (pnId: PnId) => this.#call<void>('DELETE', `/v1/pns/${pnId}`);

  listGroups = async () => (await this.#call<{ groups: readonly GroupView[] }>('GET', '/v1/groups')).groups;
  showGroup = (sgId: SgId) => this.#call<GroupView>('GET', `/v1/groups/${sgId}`);
  removeGroup = (sgId: SgId) => this.#call<void>('DELETE', `/v1/groups/${sgId}`);

  charging = ({ since, after }: ChargingFilter) =>
    this.#call<ChargingPage>('GET', `/v1/charging${query({ since, after: after?.toString() })}`);

  send = (message: OutgoingMessage) => this.#call<SendResult>('POST', '/v1/messages', message, message.waitMs);

  /**
   * Calls `started` once nothing is missed any more, then `item` for everything that happens, until it says true or the signal fires.
   * @throws CpnsError Transport/ServerGone when the server ends first
   */
  async watch(options: WatchOptions, started: () => void, item: (item: WatchItem) => boolean): Promise<void> {
    const { past, ...filter } = options;
    const path = `/v1/watch${query({ ...filter, past: past?.toString() })}`;
    const answer = await this.#fetch(path, { signal: this.#signal, headers: this.#headers });
    if (!answer.ok || answer.body === null) throw await this.#refusal(answer);
    try {
      let begun = false;
      for await (const line of readLines(answer.body, MAX_LINE_OCTETS, WATCH_SILENCE_MS)) {
        if (!begun) started();
        begun = true;
        if (line !== '' && item(JSON.parse(line) as WatchItem)) return;
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      throw this.#unreachable(error);
    }
    throw new CpnsError('Transport', 'ServerGone', 'The server has stopped.');
  }

  async #requireProof(token: Secret): Promise<void> {
    const nonce = randomBytes(32).toString('hex');
    const expected = proofOf(token, nonce);
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const answer = await this.#fetch(`/v1/proof?nonce=${nonce}`, { signal });
    const { proof } = ((await this.#json(answer)) ?? {}) as { proof?: unknown };
    const given = Buffer.from(typeof proof === 'string' ? proof : '', 'hex');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    const sentence = `What listens at ${this.#url} is not the server of ${this.#stateDirectory}: start that with "cpns-server run", or name its state directory with --state.`;
    throw new CpnsError('State', 'ServerNotRunning', sentence);
  }

  async #call<T>(method: string, path: string, body?: unknown, extraMs = 0): Promise<T> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS + extraMs)]);
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await this.#fetch(path, { method, signal, headers: { ...this.#headers, ...json }, ...sent });
    if (!answer.ok) throw await this.#refusal(answer);
    return (await this.#json(answer)) as T;
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    try {
      return await this.#ask(path, request);
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  async #json(answer: Response): Promise<unknown> {
    const chunks: Uint8Array[] = [];
    let octets = 0;
    try {
      for await (const chunk of answer.body ?? []) {
        octets += chunk.length;
        if (octets > MAX_ANSWER_OCTETS) throw new CpnsError('Codec', 'AnswerTooLong', 'The answer of the server is too long to be read.');
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (octets === 0) return undefined;
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch (cause) {
      throw new CpnsError(
        'State',
        'ServerNotRunning',
        `What listens at ${this.#url} is no CPNS server; is the state directory the right one?`,
        {
          cause,
        },
      );
    }
  }

  async #refusal(answer: Response): Promise<CpnsError> {
    const { error } = ((await this.#json(answer)) ?? {}) as Partial<ErrorBody>;
    if (error === undefined) return new ServerRefusal('Internal', 'BadAnswer', 'The server failed; its log has the detail.', answer.status);
    return new ServerRefusal(error.family, error.code, error.message, answer.status);
  }

  #unreachable(error: unknown): CpnsError {
    if (error instanceof CpnsError) return error;
    if (this.#signal.aborted) return new CpnsError('State', 'Aborted', 'It was stopped before it was done.', { cause: error });
    if ((error as Error).name === 'TimeoutError') {
      return new CpnsError('Timeout', 'ServerSilent', 'The server does not answer; look at its log.', { cause: error });
    }
    return notRunning(this.#stateDirectory, error);
  }
}

function notRunning(stateDirectory: string, cause?: unknown): CpnsError {
  const sentence = `No server runs on ${stateDirectory}: start it with "cpns-server run", or name its state directory with --state.`;
  return new CpnsError('State', 'ServerNotRunning', sentence, { cause });
}

function query(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
