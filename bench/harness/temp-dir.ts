import { rmSync } from "node:fs";

import { tempDir as makeTempDir, type TempDir } from "@signalbox/testkit";

const open = new Set<string>();

// A bench that is interrupted leaves nothing behind either.
process.on("exit", () => {
  for (const path of open) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
});

/** An empty folder that is gone when it is disposed of, or when the process ends. */
export async function tempDir(name = ""): Promise<TempDir> {
  const made = await makeTempDir(`signalbox-bench-${name}`);
  open.add(made.path);
  return {
    path: made.path,
    file: (...segments) => made.file(...segments),
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      open.delete(made.path);
    },
  };
}
