/** Each digit on five lines of five cells. */
const DIGITS: Readonly<Record<string, readonly string[]>> = {
  '0': ['█████', '█   █', '█   █', '█   █', '█████'],
  '1': ['  █  ', ' ██  ', '  █  ', '  █  ', ' ███ '],
  '2': ['█████', '    █', '█████', '█    ', '█████'],
  '3': ['█████', '    █', ' ████', '    █', '█████'],
  '4': ['█   █', '█   █', '█████', '    █', '    █'],
  '5': ['█████', '█    ', '█████', '    █', '█████'],
  '6': ['█████', '█    ', '█████', '█   █', '█████'],
  '7': ['█████', '    █', '   █ ', '  █  ', '  █  '],
  '8': ['█████', '█   █', '█████', '█   █', '█████'],
  '9': ['█████', '█   █', '█████', '    █', '█████'],
};

/** Digits that can be read from across a room, in two groups of three. */
export function bigDigits(digits: string): string[] {
  const half = Math.ceil(digits.length / 2);
  return [0, 1, 2, 3, 4].map((line) => {
    const cells = [...digits].map((digit) => DIGITS[digit]?.[line] ?? '');
    return `  ${cells.slice(0, half).join('  ')}     ${cells.slice(half).join('  ')}`.trimEnd();
  });
}
