/** What the kernel prints when it finds itself broken. */
const TROUBLE = /\b(BUG:|kernel BUG at|Oops:|general protection fault|Kernel panic|stack segment:|KASAN:|UBSAN:)/;

/** The first line that says so, without the time in front. */
export function kernelTrouble(console: readonly string[]): string | undefined {
  return console.find((line) => TROUBLE.test(line))?.replace(/^\[\s*[\d.]+\]\s*/, '');
}
