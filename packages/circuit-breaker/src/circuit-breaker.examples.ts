import { getMessageBus, type Message } from "@signalbox/messagebus";
import { CircuitBreaker, retry, retryDelays, shareThrough, type RegisterStore, type StateChange } from "./index.ts";

/** What the README shows; compiled, so that it stays true. */
export async function quickStart(): Promise<string> {
  const circuitBreaker = new CircuitBreaker("your-plugin", {
    threshold: 5,
    timeout: 60_000,
    halfOpenRetries: 3,
    monitoringWindow: 300_000,
  });

  const result = await circuitBreaker.execute(
    async () => await callExternalService(),
    async () => getCachedResult(),
  );

  if (circuitBreaker.getState() === "open") console.log("using the cache until the service is back");
  return result;
}

export async function classify(signal: AbortSignal): Promise<Response> {
  const breaker = new CircuitBreaker("payments", {
    failureRate: 0.5,
    minimumCalls: 20,
    slowCallMs: 2_000,
    abortSlowCalls: true,
    isFailure: (error) => !(error instanceof NotFoundError),
    isFailureResult: (result) => result instanceof Response && result.status >= 500,
  });

  return await breaker.execute(({ signal: given }) => fetch("https://payments.example", { signal: given }), undefined, {
    signal,
  });
}

export function watch(): void {
  const messageBus = getMessageBus("operations");

  messageBus.subscribe("plugin/*/circuit-breaker", ({ payload }: Message<StateChange>) => {
    console.warn(`${payload.name} is ${payload.state} since ${payload.timestamp}: ${payload.reason}`);
  });
}

export function share(stateManager: RegisterStore): CircuitBreaker {
  const breaker = new CircuitBreaker("payments", { shared: shareThrough(stateManager, "payments") });

  breaker.on("opened", ({ origin, reason }) => console.warn(`opened ${origin}: ${reason}`));
  return breaker;
}

export async function retries(breaker: CircuitBreaker, signal: AbortSignal): Promise<string> {
  console.log(retryDelays({ maxRetries: 5 })); // [1000, 2000, 4000, 8000, 10000], before jitter

  return await retry(() => breaker.execute(callExternalService), {
    maxRetries: 3,
    backoff: "exponential",
    initialDelay: 1_000,
    maxDelay: 10_000,
    maxTotalTime: 60_000,
    whenOpen: "wait",
    onRetry: ({ attempt, delayMs }) => console.log(`try ${attempt} failed, the next in ${delayMs} ms`),
    signal,
  });
}

class NotFoundError extends Error {}

async function callExternalService(): Promise<string> {
  return "fresh";
}

function getCachedResult(): string {
  return "cached";
}
