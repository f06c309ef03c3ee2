import { openSignalboxStore } from "@signalbox/store/sqlite";

import { openPlane } from "../durable-runs/signalbox.ts";
import { readTask, report } from "../harness/processes.ts";
import { percentile } from "../harness/statistics.ts";

// How long a step that is ready waits for its lease, with a runner that has room. The offer leaves in the turn of the
// event loop in which the step becomes ready; the grant leaves when the lease is committed.

/** What is to be measured. */
export interface LatencyTask {
  readonly directory: string;
  readonly inFlight: number;
  readonly samples: number;
  /** A port of Redis, for BullMQ. */
  readonly service?: string;
}

/** What came out, in milliseconds. */
export interface Latency {
  readonly leaseP50: number;
  readonly leaseP99: number;
  /** From the order to the grant, or to the handler. */
  readonly orderP50: number;
  readonly orderP99: number;
}

const { directory, inFlight, samples } = readTask<LatencyTask>();
const WARM = 500;
const orderedAt: number[] = [];
const offeredAt = new Map<string, number>();
const lease: number[] = [];
const order: number[] = [];

const store = await openSignalboxStore({ directory });
const { controlPlane, runOne } = await openPlane(store, inFlight, (message) => {
  if (message.type === "offer") offeredAt.set(message.offerId, performance.now());
  if (message.type !== "start") return;
  const now = performance.now();
  lease.push(now - (offeredAt.get(message.offerId) ?? Number.NaN));
  // Orders are granted in the order in which they came.
  order.push(now - (orderedAt.shift() ?? Number.NaN));
});
let left = samples + WARM;
const caller = async () => {
  while (left-- > 0) {
    orderedAt.push(performance.now());
    await runOne();
  }
};
await Promise.all(Array.from({ length: inFlight }, caller));
await controlPlane.drain();
await store.close();
const [leases, orders] = [lease.slice(WARM), order.slice(WARM)];
const result: Latency = {
  leaseP50: percentile(leases, 0.5),
  leaseP99: percentile(leases, 0.99),
  orderP50: percentile(orders, 0.5),
  orderP99: percentile(orders, 0.99),
};
report(result);
