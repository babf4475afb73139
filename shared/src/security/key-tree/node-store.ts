import type { Secret } from '../secret.js';

/** The key of a node of the tree. */
export interface TreeNode {
  /** Strictly increasing for ever: it counts on when a leaf gets a new member. */
  readonly version: number;
  /** Undefined: nobody is below. The version is kept. */
  readonly key: Secret | undefined;
}

/**
 * Where the server keeps one group's tree. The tree reads and writes only the nodes that a change needs, within the caller's transaction:
 * when a call of the tree throws, the caller rolls back.
 */
export interface NodeStore {
  /** Undefined: never used. The key is good until the next `put` of that node. */
  get(node: number): TreeNode | undefined;
  put(node: number, value: TreeNode): void;
  /** Levels above the leaves; 0 in a tree that never had a member. */
  height(): number;
  setHeight(height: number): void;
  /** The lowest leaf without a key: one whose member is gone, else the first that was never used. May lie beyond the present height. */
  freeLeaf(): number;
}
