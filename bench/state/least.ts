import { elementOf, valueOf, type Operations, type Replica } from "./contender.ts";

const NUMBER_BYTES = 8;

/**
 * The least that the job needs: a map, and an update of a replica's number, the operation's number and the value as JSON in an array of
 * bytes. It cannot tell which write is the later one, removes nothing, and takes over what it is told.
 */
export function openLeast(operations: Operations, prefix?: string): Replica {
  const elements = new Map<string, number>();
  const encoder = new TextEncoder();
  let [hits, bytes] = [0, 0];
  let config: object = {};
  const tell = (number: number, text: string): void => {
    const update = Buffer.allocUnsafe(NUMBER_BYTES + text.length);
    update.writeUInt32LE(1, 0);
    update.writeUInt32LE(number, 4);
    update.write(text, NUMBER_BYTES, "latin1");
    bytes += update.length;
  };
  const act: Record<Operations, (number: number) => void> = {
    counter: (number) => tell(number, String(++hits)),
    set(number) {
      const element = elementOf(number, prefix);
      elements.set(element, number);
      tell(number, element);
    },
    register(number) {
      config = valueOf(number);
      tell(number, JSON.stringify(config));
    },
  };
  return {
    operate: act[operations],
    updateBytes: () => bytes,
    encode: () => encoder.encode([...elements.keys()].join("\n")),
    merge(state) {
      for (const element of new TextDecoder().decode(state).split("\n")) elements.set(element, 0);
    },
    count: () => (operations === "set" ? elements.size : hits),
  };
}
