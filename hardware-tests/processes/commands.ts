import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with package.json, seen from the compiled file. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

export type Product = 'cpns-agent' | 'cpns-server';

/** File that `npx cpns-agent` and `npx cpns-server` run. */
function binary(product: Product): string {
  return join(ROOT, product === 'cpns-agent' ? 'agent' : 'server', 'bin', `${product}.js`);
}

/** The command line that starts a program of the product, behind `prefix`; `nodeArguments` are for Node itself. */
export function commandOf(
  product: Product,
  prefix: readonly string[],
  args: readonly string[],
  nodeArguments: readonly string[] = [],
): string[] {
  return [...prefix, process.execPath, ...nodeArguments, binary(product), ...args];
}

/** The same for a person to type in the present directory. */
export function typedCommand(product: Product, ...args: string[]): string {
  return ['node', relative(process.cwd(), binary(product)), ...args].join(' ');
}
