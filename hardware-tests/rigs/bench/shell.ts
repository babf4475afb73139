/** One word for a POSIX shell, whatever is in it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command for a POSIX shell. */
export function shellCommand(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

/**
 * Runs `words` until they end, and obeys the lines `TERM` and `KILL` on standard input. When that ends without such a line, because the
 * connection did, so do they.
 */
export function obedient(words: readonly string[]): string {
  return [
    'exec 3<&0',
    `${shellCommand(words)} </dev/null 3<&- & pid=$!`,
    '{ while read -r order; do kill -s "$order" "$pid"; done; kill -s KILL "$pid"; } <&3 2>/dev/null & orders=$!',
    'exec 3<&-',
    'wait "$pid"; code=$?',
    'kill "$orders" 2>/dev/null',
    'exit "$code"',
  ].join('\n');
}
