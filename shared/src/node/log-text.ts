const COLOURS: Readonly<Record<string, string>> = { debug: '90', info: '36', notice: '32', warn: '33', error: '31' };

/** Turns a JSON line of the log into one for people: `12:03:04.567 notice pan/lan: found a device  peer=phone`. Times are local. */
export function lineFormatter(colours: boolean): (line: string) => string {
  const paint = (code: string, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return (line) => {
    const { level, time, component, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const name = String(level);
    const where = component === undefined ? '' : `${component}: `;
    const details = Object.entries(fields).map(([key, value]) => ` ${paint('2', `${key}=${short(value)}`)}`);
    const rest = details.length === 0 ? '' : ` ${details.join('')}`;
    return `${paint('2', clockTime(String(time)))} ${paint(COLOURS[name] ?? '0', name.padEnd(6))} ${where}${message}${rest}\n`;
  };
}

function clockTime(iso: string): string {
  const time = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

function short(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
