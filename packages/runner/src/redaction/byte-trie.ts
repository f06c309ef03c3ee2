/** A tree of byte strings in flat arrays, numbered breadth first: the root is 0, no child has a lower number than its parent. */
export interface ByteTrie {
  readonly byte: Int32Array;
  readonly parent: Int32Array;
  readonly depth: Int32Array;
  /** The first child and the next sibling of each node; 0 for none. */
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  /** The index of the string that ends at a node, the lowest where strings are equal; -1 for none. */
  readonly pattern: Int32Array;
}

/** Puts all strings into one tree. */
export function byteTrie(strings: readonly Uint8Array[]): ByteTrie {
  const nodes: Node[] = [newNode(0, 0, 0)];
  for (const [pattern, bytes] of strings.entries()) {
    let at = 0;
    for (const byte of bytes) at = childOf(nodes, at, byte) || addChild(nodes, at, byte);
    const end = nodes[at];
    if (end && end.pattern < 0) end.pattern = pattern;
  }
  return breadthFirst(nodes);
}

interface Node {
  readonly byte: number;
  readonly parent: number;
  readonly depth: number;
  firstChild: number;
  nextSibling: number;
  pattern: number;
}

function newNode(byte: number, parent: number, depth: number): Node {
  return { byte, parent, depth, firstChild: 0, nextSibling: 0, pattern: -1 };
}

function childOf(nodes: readonly Node[], at: number, byte: number): number {
  let child = nodes[at]?.firstChild ?? 0;
  while (child > 0 && nodes[child]?.byte !== byte) child = nodes[child]?.nextSibling ?? 0;
  return child;
}

function addChild(nodes: Node[], at: number, byte: number): number {
  const parent = nodes[at];
  if (!parent) throw new RangeError(`no node ${at}`);
  const child = newNode(byte, at, parent.depth + 1);
  child.nextSibling = parent.firstChild;
  parent.firstChild = nodes.push(child) - 1;
  return parent.firstChild;
}

/** A stable sort by depth is breadth first enough: all shallower nodes come before. */
function breadthFirst(nodes: readonly Node[]): ByteTrie {
  const order = nodes.map((_, index) => index).sort((a, b) => depthOf(nodes, a) - depthOf(nodes, b));
  const numberOf = new Int32Array(nodes.length);
  for (const [number, index] of order.entries()) numberOf[index] = number;

  const column = (read: (node: Node) => number) => Int32Array.from(order, (index) => read(nodes[index] as Node));
  const renumbered = (index: number) => numberOf[index] ?? 0;
  return {
    byte: column((node) => node.byte),
    parent: column((node) => renumbered(node.parent)),
    depth: column((node) => node.depth),
    firstChild: column((node) => renumbered(node.firstChild)),
    nextSibling: column((node) => renumbered(node.nextSibling)),
    pattern: column((node) => node.pattern),
  };
}

function depthOf(nodes: readonly Node[], index: number): number {
  return nodes[index]?.depth ?? 0;
}
