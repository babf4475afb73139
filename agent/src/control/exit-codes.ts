import { CpnsError, type ErrorFamily } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';

/** Exit codes of `cpns-agent`; scripts rely on them. */
export const ExitCode = {
  Ok: 0,
  Failed: 1,
  Usage: 2,
  NotRunning: 3,
  Refused: 4,
  StateUnusable: 5,
  Unreachable: 6,
  TimedOut: 7,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** For `--help` and the documentation. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'ok',
  1: 'failed',
  2: 'usage: a wrong argument or a wrong value in the configuration',
  3: 'the agent is not running',
  4: 'refused by a person or a policy',
  5: 'the state directory cannot be used',
  6: 'the server or a peer cannot be reached',
  7: 'timed out',
};

const BY_FAMILY: Readonly<Record<ErrorFamily, ExitCode>> = {
  Codec: ExitCode.Failed,
  Auth: ExitCode.Refused,
  State: ExitCode.Failed,
  Timeout: ExitCode.TimedOut,
  Transport: ExitCode.Unreachable,
  Config: ExitCode.Usage,
  Internal: ExitCode.Failed,
};

/** Codes whose exit code is not that of their family. */
const BY_CODE: Readonly<Record<string, ExitCode>> = {
  AgentNotRunning: ExitCode.NotRunning,
  AgentGone: ExitCode.NotRunning,
  NotEnrolled: ExitCode.StateUnusable,
  AlreadyRunning: ExitCode.StateUnusable,
  UnsafePermissions: ExitCode.StateUnusable,
  UnsafeOwner: ExitCode.StateUnusable,
  NotADirectory: ExitCode.StateUnusable,
  NotAFile: ExitCode.StateUnusable,
  FileTooLarge: ExitCode.StateUnusable,
  DiskFull: ExitCode.StateUnusable,
  ReadOnly: ExitCode.StateUnusable,
  NoAccess: ExitCode.StateUnusable,
  StoreFailed: ExitCode.StateUnusable,
  StoreFull: ExitCode.StateUnusable,
  StoreDamaged: ExitCode.StateUnusable,
  StoreTooNew: ExitCode.StateUnusable,
  StateCorrupt: ExitCode.StateUnusable,
};

const BY_STATUS: Readonly<Record<number, ExitCode>> = {
  [Status.Rejected]: ExitCode.Refused,
  [Status.NotAuthorized]: ExitCode.Refused,
  [Status.AuthFailed]: ExitCode.Refused,
  [Status.ConfirmFailed]: ExitCode.Refused,
  [Status.NotChargeable]: ExitCode.Refused,
  [Status.Timeout]: ExitCode.TimedOut,
  [Status.PeerUnreachable]: ExitCode.Unreachable,
};

/** An error that the agent reported over the control API, with the exit code it chose. */
export class AgentError extends CpnsError {
  constructor(
    family: ErrorFamily,
    code: string,
    message: string,
    readonly exitCode: ExitCode,
  ) {
    super(family, code, message);
  }
}

/** What a process that fails with `error` exits with. */
export function exitCodeOf(error: CpnsError): ExitCode {
  if (error instanceof AgentError) return error.exitCode;
  const byStatus = error.status === undefined ? undefined : BY_STATUS[error.status];
  return BY_CODE[error.code] ?? byStatus ?? BY_FAMILY[error.family];
}
