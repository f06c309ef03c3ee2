import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { createServer } from "node:net";

/** Refuses to start beside another runner on the same data: two would answer for the same attempts. */
export class DataDirInUseError extends Error {
  override readonly name = "DataDirInUseError";
  readonly code = "data_dir_in_use";

  constructor(dataDir: string) {
    super(`another runner uses ${dataDir}`);
  }
}

/**
 * Holds a data directory for this process. An abstract socket of Linux, which is gone with its process however that ends:
 * no stale lock can keep a runner from coming back.
 */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  const name = createHash("sha256")
    .update(await realpath(dataDir))
    .digest("hex");
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new DataDirInUseError(dataDir) : error),
    );
    server.listen(`\0signalbox-runner-${name}`, resolve);
  });
  server.unref();
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}
