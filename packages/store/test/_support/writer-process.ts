import { writeSync } from "node:fs";
import { OutcomeUnknownError } from "../../src/errors.ts";
import { openParcels } from "./parcel-store.ts";

// A process that stores parcels until it is killed, or until it has stored as many as it was told, and says on its
// standard output what was acknowledged: `writer-process.ts <folder> <prefix of ids> [callers] [parcels]`.

const [directory = "", prefix = "", callers = "16", parcels = "Infinity"] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

say("opening");
const store = await openParcels(directory);
store.onFatal(() => {
  say("fatal");
  process.exitCode = 70;
});
say("open");
let next = 0;
await Promise.all(Array.from({ length: Number(callers) }, caller));
await store.close();
say("closed");

async function caller(): Promise<void> {
  while (next < Number(parcels)) {
    const id = `${prefix}-${next++}`;
    try {
      await Promise.all([
        store.run("addParcel", { id, bytes: 50 + (next % 7) * 100 }).then(() => say(`stored ${id}`)),
        store.run("addThenRefuse", { id: `${id}-refused` }).catch(() => undefined),
      ]);
    } catch (error) {
      if (error instanceof OutcomeUnknownError) say(`unknown ${id}`);
      return;
    }
  }
}
