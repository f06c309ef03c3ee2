export { eventually } from "./eventually.ts";
export type { EventuallyOptions } from "./eventually.ts";
export { listen } from "./listen.ts";
export type { Listening } from "./listen.ts";
export { ManualClock } from "./manual-clock.ts";
export { canMount, smallDisk } from "./small-disk.ts";
export type { SmallDisk } from "./small-disk.ts";
export { tempDir } from "./temp-dir.ts";
export type { TempDir } from "./temp-dir.ts";
