import { CpnsError } from '../errors.js';

/** The code of an error of the operating system, e.g. ENOENT; undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** No space, no quota or no file size left. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(error) ?? '');
}

/**
 * An error of the file system as one that a person understands: State/DiskFull (worth repeating), State/ReadOnly, State/NoAccess or
 * State/StoreFailed. A CpnsError is handed on as it is.
 */
export function fileError(error: unknown, path: string): CpnsError {
  if (error instanceof CpnsError) return error;
  if (isDiskFull(error)) {
    return new CpnsError('State', 'DiskFull', `The disk that holds ${path} is full; free some space on it and try again.`, {
      retryable: true,
      cause: error,
    });
  }
  switch (systemCode(error)) {
    case 'EROFS':
      return new CpnsError(
        'State',
        'ReadOnly',
        `The disk that holds ${path} is mounted read-only; mount it writable or choose another directory.`,
        {
          cause: error,
        },
      );
    case 'EACCES':
    case 'EPERM':
      return new CpnsError('State', 'NoAccess', `There is no permission to use ${path}; run as its owner or choose another directory.`, {
        cause: error,
      });
    default:
      return new CpnsError('State', 'StoreFailed', `${path} could not be read or written; check the disk (the log has the detail).`, {
        cause: error,
      });
  }
}
