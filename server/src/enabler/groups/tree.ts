import type { SgId } from '@cpns/shared';
import { enc, fromHex, KeyTree, type NodeStore, Secret, type TreeNode } from '@cpns/shared/security';
import type { GroupNodes, GroupReads } from '../../inventory/groups.js';
import type { Sealer } from '../../keys/sealer.js';
import type { EnablerContext } from '../context.js';

/** A node that is unsealed when its key is asked for: of those that a change replaces, only the version counts. */
class SealedNode implements TreeNode {
  readonly version: number;
  readonly #unseal: () => Secret;
  #key: Secret | undefined;

  constructor(version: number, unseal: () => Secret) {
    this.version = version;
    this.#unseal = unseal;
  }

  get key(): Secret {
    this.#key ??= this.#unseal();
    return this.#key;
  }
}

/** A tree whose keys lie sealed in the inventory. Keys that it gave out are erased with it. */
class SealedNodes implements NodeStore {
  readonly #sgId: SgId;
  readonly #nodes: GroupNodes;
  readonly #sealer: Sealer;
  /** What was read or written, so that a node is read and unsealed once. */
  readonly #open = new Map<number, TreeNode>();
  readonly #secrets: Secret[] = [];

  constructor(sgId: SgId, nodes: GroupNodes, sealer: Sealer) {
    this.#sgId = sgId;
    this.#nodes = nodes;
    this.#sealer = sealer;
  }

  get(node: number): TreeNode | undefined {
    const known = this.#open.get(node);
    if (known !== undefined) return known;
    const stored = this.#nodes.get(node);
    if (stored === undefined) return undefined;
    const { version, sealed } = stored;
    const found = sealed === undefined ? { version, key: undefined } : new SealedNode(version, () => this.#unseal(node, sealed));
    this.#open.set(node, found);
    return found;
  }

  put(node: number, value: TreeNode): void {
    const { version, key } = value;
    this.#open.set(node, value);
    if (key !== undefined) this.#secrets.push(key);
    this.#nodes.put(node, { version, sealed: key && this.#sealer.seal(nodeName(this.#sgId, node), key.reveal()) });
  }

  height(): number {
    return this.#nodes.height();
  }

  setHeight(height: number): void {
    this.#nodes.setHeight(height);
  }

  freeLeaf(): number {
    return this.#nodes.lowestFreeLeaf();
  }

  erase(): void {
    for (const secret of this.#secrets) secret.erase();
    this.#open.clear();
  }

  #unseal(node: number, sealed: Uint8Array): Secret {
    const key = Secret.take(`node ${node}`, this.#sealer.unseal(nodeName(this.#sgId, node), sealed));
    this.#secrets.push(key);
    return key;
  }
}

/** Associated data of a sealed node key. */
export function nodeName(sgId: SgId, node: number): Uint8Array {
  return enc(fromHex(sgId), node);
}

/** Works on the key tree of a group, within a transaction. */
export function withTree<T>(
  { groupKeys, provider, entropy }: Pick<EnablerContext, 'groupKeys' | 'provider' | 'entropy'>,
  sgId: SgId,
  nodes: GroupNodes,
  work: (tree: KeyTree) => T,
): T {
  const store = new SealedNodes(sgId, nodes, groupKeys);
  try {
    return work(new KeyTree(fromHex(sgId), store, { provider, entropy }));
  } finally {
    store.erase();
  }
}

/** Reads the key tree of a group. */
export function readTree<T>(
  context: Pick<EnablerContext, 'groupKeys' | 'provider' | 'entropy'>,
  sgId: SgId,
  groups: GroupReads,
  work: (tree: Pick<KeyTree, 'resync'>) => T,
): T {
  const nodes = groups.nodes(sgId);
  const readonly = () => {
    throw new Error('the key tree is read only here');
  };
  return withTree(
    context,
    sgId,
    { get: (node) => nodes.get(node), height: () => nodes.height(), put: readonly, setHeight: readonly, lowestFreeLeaf: readonly },
    work,
  );
}
