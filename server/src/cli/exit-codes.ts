import { CpnsError, type ErrorFamily } from '@cpns/shared';

/** Exit codes of `cpns-server`; scripts rely on them. */
export const ExitCode = { Ok: 0, Failed: 1, Usage: 2, NotRunning: 3, Refused: 4, StateUnusable: 5 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** For `--help` and the documentation. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'ok',
  1: 'failed',
  2: 'usage: a wrong argument or a wrong value in the configuration',
  3: 'the server is not running or does not answer',
  4: 'refused: not found, there already, not allowed now',
  5: 'the state directory cannot be used',
};

/** Errors of this process. What the running server reports comes as {@link ServerRefusal}. */
const BY_FAMILY: Readonly<Record<ErrorFamily, ExitCode>> = {
  Codec: ExitCode.Failed,
  Auth: ExitCode.Refused,
  State: ExitCode.StateUnusable,
  Timeout: ExitCode.NotRunning,
  Transport: ExitCode.NotRunning,
  Config: ExitCode.Usage,
  Internal: ExitCode.Failed,
};

/** Codes whose exit code is not that of their family. */
const BY_CODE: Readonly<Record<string, ExitCode>> = {
  ServerNotRunning: ExitCode.NotRunning,
  AlreadyInitialised: ExitCode.Refused,
  Aborted: ExitCode.Failed,
  AddressInUse: ExitCode.Failed,
  AddressRefused: ExitCode.Failed,
  UnsafePermissions: ExitCode.StateUnusable,
  UnsafeOwner: ExitCode.StateUnusable,
  NotADirectory: ExitCode.StateUnusable,
  NotAFile: ExitCode.StateUnusable,
  FileTooLarge: ExitCode.StateUnusable,
  ServerIdChanged: ExitCode.StateUnusable,
};

const BY_HTTP_STATUS: Readonly<Record<number, ExitCode>> = {
  400: ExitCode.Usage,
  403: ExitCode.Refused,
  404: ExitCode.Refused,
  409: ExitCode.Refused,
  413: ExitCode.Usage,
  429: ExitCode.Refused,
};

/** An error that the running server answered with. */
export class ServerRefusal extends CpnsError {
  constructor(
    family: ErrorFamily,
    code: string,
    message: string,
    readonly httpStatus: number,
  ) {
    super(family, code, message);
  }
}

/** What a process that fails with `error` exits with. */
export function exitCodeOf(error: CpnsError): ExitCode {
  if (error instanceof ServerRefusal) return BY_HTTP_STATUS[error.httpStatus] ?? ExitCode.Failed;
  return BY_CODE[error.code] ?? BY_FAMILY[error.family];
}
