/** Text that is written at once: many small writes cost more, larger ones hold a slow reader's memory. */
const FRAME_CHARACTERS = 32_768;

/**
 * Spells items as text in frames of bounded size. What a batch comes to is kept for as long as the batch lives, so
 * that it is made once, however many readers get it.
 */
export function createFrames<Item>(spell: (item: Item) => string): (batch: readonly Item[]) => readonly string[] {
  const made = new WeakMap<readonly Item[], readonly string[]>();
  return (batch) => {
    const before = made.get(batch);
    if (before) return before;
    const frames: string[] = [];
    let frame = "";
    for (const item of batch) {
      frame += spell(item);
      if (frame.length < FRAME_CHARACTERS) continue;
      frames.push(frame);
      frame = "";
    }
    if (frame !== "") frames.push(frame);
    made.set(batch, frames);
    return frames;
  };
}
