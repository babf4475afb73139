import { levelOf, type NodeStore, type TreeNode } from '../security/index.js';

/** The key tree of a group in memory. */
export class MemoryNodeStore implements NodeStore {
  readonly #nodes = new Map<number, TreeNode>();
  #height = 0;
  /** No leaf below this one is free. */
  #lowest = 0;

  get(node: number): TreeNode | undefined {
    return this.#nodes.get(node);
  }

  put(node: number, value: TreeNode): void {
    this.#nodes.set(node, value);
    if (levelOf(node) === 0 && value.key === undefined) this.#lowest = Math.min(this.#lowest, node);
  }

  height(): number {
    return this.#height;
  }

  setHeight(height: number): void {
    this.#height = height;
  }

  freeLeaf(): number {
    while (this.#nodes.get(this.#lowest)?.key !== undefined) this.#lowest++;
    return this.#lowest;
  }
}
