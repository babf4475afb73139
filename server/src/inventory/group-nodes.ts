import type { GroupNode, GroupNodes } from './groups.js';
import type { Sqlite } from './sqlite.js';

/** Nodes below are leaves (security 1.8: level * 2^24 + index). */
const LEAVES = 2 ** 24;

/** The key tree of one group in SQLite: what a change touches is read, and no more. */
export class SqliteGroupNodes implements GroupNodes {
  readonly #sqlite: Sqlite;
  readonly #sg: number;
  #height: number;
  readonly #raise: (height: number) => void;

  constructor(sqlite: Sqlite, sg: number, height: number, raise: (height: number) => void) {
    this.#sqlite = sqlite;
    this.#sg = sg;
    this.#height = height;
    this.#raise = raise;
  }

  get(node: number): GroupNode | undefined {
    const sql = 'SELECT version, sealed FROM sg_nodes WHERE sg = ? AND node = ?';
    const row = this.#sqlite.get<{ version: number; sealed: Uint8Array | null }>(sql, this.#sg, node);
    return row && { version: row.version, sealed: row.sealed ?? undefined };
  }

  put(node: number, { version, sealed }: GroupNode): void {
    const sql =
      'INSERT INTO sg_nodes (sg, node, version, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, sealed = excluded.sealed';
    this.#sqlite.run(sql, this.#sg, node, version, sealed ?? null);
  }

  height(): number {
    return this.#height;
  }

  setHeight(height: number): void {
    this.#height = height;
    this.#raise(height);
  }

  lowestFreeLeaf(): number {
    // Left to itself, SQLite would read every leaf of the group.
    const free = `SELECT min(node) AS node FROM sg_nodes INDEXED BY sg_nodes_free_leaves WHERE sg = ? AND sealed IS NULL AND node < ${LEAVES}`;
    const { node } = this.#sqlite.get<{ node: number | null }>(free, this.#sg) ?? { node: null };
    if (node !== null) return node;
    const last = `SELECT max(node) AS node FROM sg_nodes WHERE sg = ? AND node < ${LEAVES}`;
    return (this.#sqlite.get<{ node: number | null }>(last, this.#sg)?.node ?? -1) + 1;
  }
}
