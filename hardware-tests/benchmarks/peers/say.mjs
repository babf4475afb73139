// Plain JavaScript, because these packages are there only when a benchmark asks for them, so no compiler can see them.

/** One JSON line for the benchmark. */
export function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
