import { writeSync } from "node:fs";

import { openPluginState } from "../../src/sqlite/index.ts";

// A process that counts until it is killed, and says on its standard output what it was told is stored, and what others
// were told: `counting-process.ts <plugin folder> <seed>`.

const [folder = "", seed = "1"] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

say("opening");
const state = openPluginState(folder, "counting", { bus: false });
state.on("delta", ({ bytes }) => say(`told ${Buffer.from(bytes).toString("base64")}`));
say("open");
for (let step = 1; ; step++) {
  const count = state.incrementCounter("steps");
  state.setRegister("last", { count, padding: "x".repeat((step * Number(seed)) % 3_000) });
  state.addToSet("latest", count);
  state.removeFromSet("latest", count - 10);
  if (step % 7 === 0) await new Promise(setImmediate);
  if (step % 3 === 0) {
    await state.flushed();
    say(`stored ${count}`);
  }
}
