import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENTS = ['README.md', ...files('docs').filter((file) => file.endsWith('.md'))];
const SOURCES = ['shared', 'agent', 'server', 'hardware-tests'].flatMap((folder) => files(folder)).filter((file) => file.endsWith('.ts'));

function files(folder: string): string[] {
  const inside = readdirSync(`${root}${folder}`, { withFileTypes: true });
  return inside.flatMap((entry) => {
    if (entry.name === 'dist' || entry.name === 'node_modules') return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? files(path) : [path];
  });
}

const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');

/** What a document calls its sections (`### 0.23 ...`) and the rows of its tables (`| e.9 |`, `| T12 |`). */
function anchorsOf(document: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading, row] of read(document).matchAll(/^(?:#+ ((?:\d|[a-f])(?:\.\d+)?b?)\.? |\| ([a-e]\.\d+|T\d+) \|)/gm)) {
    const anchor = heading ?? row;
    if (anchor !== undefined) anchors.add(anchor);
  }
  return anchors;
}

/** Comments that name a section of protocol.md or security.md which is not there. */
function brokenSections(): string[] {
  const sections = { protocol: anchorsOf('docs/protocol.md'), security: anchorsOf('docs/security.md') };
  return SOURCES.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, i) =>
        [...line.matchAll(/\b(protocol|security)(?:\.md)? \(?((?:0|[1-9])\.\d+b?|[a-f]\.\d+b?|T\d+)/g)]
          .filter(([, document, section]) => !sections[document as keyof typeof sections].has(section as string))
          .map(([reference]) => `${file}:${i + 1} names "${reference}", which is in no document`),
      ),
  );
}

/** Links of the documents to files, and to headings of documents, that are not there. */
function brokenLinks(): string[] {
  return DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target as string)
      .filter((target) => !/^(https?:|mailto:)/.test(target))
      .filter((target) => {
        const [path = '', heading] = target.split('#');
        const file = path === '' ? document : join(dirname(document), path);
        if (!existsSync(`${root}${file}`)) return true;
        return heading !== undefined && file.endsWith('.md') && !headingsOf(file).has(heading);
      })
      .map((target) => `${document} links to ${target}, which is not there`),
  );
}

/** Anchors of the headings of a document, as GitHub makes them. */
function headingsOf(document: string): Set<string> {
  const titles = [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title as string);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

/** Tests that the table of threats names, by file and title, and that do not exist. */
function missingTests(): string[] {
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => /^\| T\d+ \|/.test(line));
  return rows.flatMap((row) => {
    const tests = row.split(' | ').at(-1) ?? '';
    const id = row.slice(2, row.indexOf(' |', 2));
    return [...tests.matchAll(/`([\w/.-]+)`(?: (?:and `[\w/.-]+` )?\(([^)]*)\))?/g)].flatMap(([, name = '', titles = '']) => {
      const file = [`shared/test/security/${name}.test.ts`, `${name}.test.ts`, `shared/test/${name}.test.ts`].find((path) =>
        existsSync(`${root}${path}`),
      );
      if (file === undefined) return [`${id}: there is no test "${name}"`];
      const text = read(file);
      return [...titles.matchAll(/"([^"]+)"/g)]
        .filter(([, title]) => !text.includes(title as string))
        .map(([, title]) => `${id}: ${file} has no test "${title}"`);
    });
  });
}

/** Every reference between code, tests and documents that leads nowhere, one sentence each. */
export function brokenReferences(): string[] {
  return [...brokenSections(), ...brokenLinks(), ...missingTests()];
}
