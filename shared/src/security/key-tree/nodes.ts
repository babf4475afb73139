/**
 * Numbers of the nodes of a key tree (security: group keys): level * 2^24 + index. Leaves are level 0, so a leaf's number is its index.
 * A number stays what it is when the tree grows, because a new level comes above the root.
 */

/** Children of a node. */
export const DEGREE = 4;
/** Levels above the leaves of the largest tree: 4^8 leaves, one for each of the 65,536 members that a group may have. */
export const HEIGHT_MAX = 8;
/** Leaves of the largest tree. */
export const LEAVES_MAX = DEGREE ** HEIGHT_MAX;

const LEVEL_SHIFT = 24;
const INDEX_MASK = 0xff_ffff;
/** log2 of {@link DEGREE}. */
const DEGREE_SHIFT = 2;

export function nodeAt(level: number, index: number): number {
  return level * 2 ** LEVEL_SHIFT + index;
}

export function levelOf(node: number): number {
  return node >>> LEVEL_SHIFT;
}

export function indexOf(node: number): number {
  return node & INDEX_MASK;
}

export function parentOf(node: number): number {
  return nodeAt(levelOf(node) + 1, indexOf(node) >>> DEGREE_SHIFT);
}

/** From left to right. `node` is not a leaf. */
export function childrenOf(node: number): number[] {
  const first = nodeAt(levelOf(node) - 1, indexOf(node) * DEGREE);
  return [first, first + 1, first + 2, first + 3];
}

/** Whether `node` is `leaf` or lies above it, however high the tree is. */
export function isAbove(node: number, leaf: number): boolean {
  const level = levelOf(node);
  return level <= HEIGHT_MAX && indexOf(node) === leaf >>> (DEGREE_SHIFT * level);
}

/** Levels that a tree needs so that there is room for `leaf`; at least one, so that there always is a root above the leaves. */
export function heightFor(leaf: number): number {
  let height = 1;
  while (leaf >= DEGREE ** height) height++;
  return height;
}
