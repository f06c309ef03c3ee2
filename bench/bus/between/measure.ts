import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { readTask, report } from "../../harness/processes.ts";
import { callers } from "./callers.ts";
import type { BetweenTask, ResponderTask } from "./wire.ts";

// The process that calls: starts the one that answers, calls for a while and counts.

const { wire, inFlight, warmMs, measureMs, service, nodeArgs } = readTask<BetweenTask>();
const responder = wire === "birpc-port" ? undefined : startResponder();
const port = responder ? await portOf(responder) : 0;
const caller = await callers[wire](port, responder);
await callFor(warmMs);
const perSecond = await callFor(measureMs);
await caller[Symbol.asyncDispose]();
// It writes its profile before it ends.
if (responder) {
  const ended = once(responder, "exit");
  responder.disconnect();
  await ended;
}
report({ perSecond });

function startResponder() {
  const task: ResponderTask = { wire, ...(service === undefined ? {} : { service }) };
  const script = fileURLToPath(new URL("./responder.ts", import.meta.url));
  return fork(script, [JSON.stringify(task)], { execArgv: [...nodeArgs], serialization: "advanced" });
}

async function portOf(child: ReturnType<typeof startResponder>): Promise<number> {
  const [message] = (await once(child, "message")) as [{ readonly port: number }];
  return message.port;
}

async function callFor(forMs: number): Promise<number> {
  const from = performance.now();
  const until = from + forMs;
  let calls = 0;
  const keepCalling = async () => {
    while (performance.now() < until) {
      await caller.call();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, keepCalling));
  return calls / ((performance.now() - from) / 1_000);
}
