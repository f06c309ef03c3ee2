import { findProgram, startProcess } from "./processes.ts";
import { canConnect, freePort, waitUntil } from "./wait-until.ts";

/** A NATS server of the bench's own. */
export interface Nats extends AsyncDisposable {
  readonly port: number;
}

/** Starts a NATS server on a free loopback port; undefined where there is no nats-server. */
export async function startNats(): Promise<Nats | undefined> {
  const program = (await findProgram("nats-server")) ?? (await findProgram("nats-server", ["/usr/sbin"]));
  if (program === undefined) return undefined;
  await using cleanup = new AsyncDisposableStack();
  const port = await freePort();
  cleanup.use(startProcess(program, ["--addr", "127.0.0.1", "--port", String(port)], { stdio: "ignore" }));
  await waitUntil("nats-server listens", () => canConnect(port));
  const owned = cleanup.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
