import { CpnsError } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';

const serverError = { status: Status.ServerError };

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/** Breaking a UNIQUE or PRIMARY KEY constraint. */
export function isDuplicate(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_ROWID';
}

/** Breaking a reference to another row. */
export function isMissingReference(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_CONSTRAINT_FOREIGNKEY';
}

/** What SQLite reports as a sentence for the operator; anything else is returned as it is. */
export function databaseError(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (code === '') return error;
  const cause = error;
  if (code === 'SQLITE_FULL') {
    return new CpnsError('State', 'DiskFull', `The disk that holds ${path} is full: free some space. Nothing of the change was kept.`, {
      ...serverError,
      retryable: true,
      cause,
    });
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new CpnsError(
      'State',
      'DatabaseInUse',
      `Another process has ${path} open: end it first, one server runs on one state directory.`,
      {
        ...serverError,
        cause,
      },
    );
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new CpnsError('State', 'DatabaseCorrupt', `${path} is damaged or no database of this server: put a backup in its place.`, {
      ...serverError,
      cause,
    });
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') return unreachable(path, cause);
  if (code.startsWith('SQLITE_IOERR')) {
    return new CpnsError(
      'State',
      'DatabaseFailed',
      `${path} cannot be read or written: check the disk (${code}). Nothing of the change was kept.`,
      {
        ...serverError,
        cause,
      },
    );
  }
  return new CpnsError('Internal', 'DatabaseFailed', `The database refused a statement (${code}); the log has the detail.`, {
    ...serverError,
    cause,
  });
}

export function unreachable(path: string, cause: unknown): CpnsError {
  return new CpnsError(
    'Config',
    'DatabaseUnreachable',
    `${path} cannot be opened for writing: check that its directory exists and is yours.`,
    {
      ...serverError,
      cause,
    },
  );
}
