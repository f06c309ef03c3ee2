/** Text that is written at once: many small writes cost more, larger ones hold a slow reader's memory. */
const FRAME_CHARACTERS = 32_768;

/** Some items of a batch as text. */
export interface Frame<Item> {
  readonly text: string;
  readonly last: Item;
}

/**
 * Spells batches as frames of bounded size. What a batch comes to is kept for as long as the batch lives, so that it
 * is made once, however many readers get it; so `context` must be the same for every reader of a batch.
 */
export function createFrames<Item, Context = undefined>(
  spell: (item: Item, context: Context) => string,
  separator = "",
): (batch: readonly Item[], context: Context) => readonly Frame<Item>[] {
  const made = new WeakMap<readonly Item[], readonly Frame<Item>[]>();
  return (batch, context) => {
    const frames = made.get(batch) ?? cut(batch, (item) => spell(item, context), separator);
    made.set(batch, frames);
    return frames;
  };
}

function cut<Item>(batch: readonly Item[], spell: (item: Item) => string, separator: string): readonly Frame<Item>[] {
  const frames: Frame<Item>[] = [];
  let text = "";
  for (const [index, item] of batch.entries()) {
    text += text === "" ? spell(item) : separator + spell(item);
    if (text.length < FRAME_CHARACTERS && index < batch.length - 1) continue;
    frames.push({ text, last: item });
    text = "";
  }
  return frames;
}
