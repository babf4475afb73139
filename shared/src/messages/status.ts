/** Coarse outcome that a peer is told; the detail stays in the log. Numbers are ours (the seeds give none). */
export const Status = {
  Success: 0,
  PartialSuccess: 1,
  Pending: 2,
  Rejected: 10,
  NotMember: 11,
  AlreadyMember: 12,
  NotOwner: 13,
  NotAuthorized: 14,
  AuthFailed: 20,
  ConfirmFailed: 21,
  NotChargeable: 22,
  UnknownPn: 30,
  UnknownPne: 31,
  UnknownSg: 32,
  Duplicate: 33,
  UnknownContent: 34,
  BadMessage: 40,
  BadAction: 41,
  WrongState: 42,
  Timeout: 50,
  PeerUnreachable: 51,
  Busy: 52,
  ServerError: 60,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

const SENTENCES: Readonly<Record<Status, string>> = {
  0: 'done',
  1: 'done for some, not for all',
  2: 'under way',
  10: 'a person or a policy said no',
  11: 'the device is not a member of that network',
  12: 'the device is a member already',
  13: 'only the owner may do that',
  14: 'not authorised: check the user, the subscription and the policy on the server',
  20: 'authentication failed: the device is unknown, revoked, or its key does not match the server; enrol it again',
  21: 'the owner of the device did not confirm',
  22: 'the device cannot be charged to its owner',
  30: 'that personal network does not exist any more',
  31: 'that device is not known here',
  32: 'that service group does not exist',
  33: 'that was asked before under another number',
  34: 'that content is not offered any more',
  40: 'the message was not understood: check that both sides run the same version',
  41: 'that action does not exist',
  42: 'that is not possible at this moment: try again after the current operation',
  50: 'no answer in time: try again',
  51: 'the other device cannot be reached: check that it is on and near',
  52: 'too many requests: wait and try again',
  60: 'the other side could not do it: see its log',
};

const NAMES = new Map<number, string>(Object.entries(Status).map(([name, value]) => [value, name]));

/** The name of a code point, for logs and machines. */
export function statusName(status: number): string {
  return NAMES.get(status) ?? `status ${status}`;
}

/** What a status means, as the end of a sentence for a person. */
export function statusSentence(status: number): string {
  return (SENTENCES as Readonly<Record<number, string>>)[status] ?? `the other side answered with status ${status}`;
}

const PASSING: ReadonlySet<number> = new Set([Status.Pending, Status.Busy, Status.Timeout, Status.PeerUnreachable, Status.ServerError]);

/** The same request may succeed later; every other refusal is final. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}
