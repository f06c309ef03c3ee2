import { createControlPlane, type ControlPlane } from "@signalbox/control-plane";
import { openSignalboxStore } from "@signalbox/store/sqlite";

/** The real control plane on a store in memory. */
export async function realControlPlane(): Promise<{ controlPlane: ControlPlane } & AsyncDisposable> {
  await using cleanup = new AsyncDisposableStack();
  const store = cleanup.use(await openSignalboxStore({ directory: ":memory:" }));
  const controlPlane = cleanup.use(await createControlPlane({ store, secretsKey: new Uint8Array(32) }));
  const owned = cleanup.move();
  return { controlPlane, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
