import { retry } from "@signalbox/circuit-breaker";
import { systemClock } from "@signalbox/messagebus";
import type { Clock, MessageBus } from "@signalbox/messagebus";
import { limit } from "../limits.ts";
import type { PluginRegistry } from "../registry/plugin-registry.ts";
import { isReasonForNext, isWorthRetry } from "./plugin-failures.ts";
import type { RouteRequest } from "./route-request-schema.ts";
import { routeRequest } from "./route-request.ts";
import type { Route } from "./route-request.ts";
import { DECISION_TOPIC, toDecision } from "./routing-decision.ts";
import { AllPluginsFailedError, NoPluginError } from "./routing-errors.ts";
import type { FailedAttempt } from "./routing-errors.ts";

/** What a router is made with. */
export interface PluginRouterOptions {
  readonly registry: PluginRegistry;
  /** The bus of the host (`getSystemBus()`): nobody else may publish decisions. */
  readonly bus: MessageBus;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** In [0, 1), for the jitter of retries. Default Math.random. */
  readonly random?: (() => number) | undefined;
}

/** What is sent to the plugin. */
export interface DispatchInput {
  /** JSON data. */
  readonly payload?: unknown;
  /** For one try of one plugin, in milliseconds. Default 30,000. */
  readonly timeout?: number | undefined;
  /** Passed on; `requestId` is added. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Gives up; `dispatch` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer of the plugin that answered. */
export interface DispatchResult {
  readonly pluginId: string;
  /** What the plugin responded with, also where that tells of an error of its own (`{ status: "error" }`). */
  readonly response: unknown;
  readonly route: Route;
  /** Plugins that were asked before and failed. */
  readonly failed: readonly FailedAttempt[];
}

/** Routes requests to plugins and sends them there, as their manifests and their breakers allow. */
export class PluginRouter {
  readonly #registry: PluginRegistry;
  readonly #bus: MessageBus;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor({ registry, bus, clock = systemClock, random = Math.random }: PluginRouterOptions) {
    this.#registry = registry;
    this.#bus = bus;
    this.#clock = clock;
    this.#random = random;
  }

  /** Where a request would go now, and why. Nothing is sent or published. Throws an `InvalidRouteRequestError`. */
  route(request: RouteRequest): Route {
    return routeRequest(request, this.#registry.plugins());
  }

  /** The same, published as `routing/decision`; also when there is nobody to ask. */
  async decide(request: RouteRequest, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Route> {
    const route = this.route(request);
    const payload = toDecision(route, this.#clock.now());
    await this.#bus.publish({ topic: DECISION_TOPIC, payload, headers: { requestId: route.requestId } }, { signal });
    return route;
  }

  /**
   * Decides, then sends the payload to `plugin/<id>/request` of the first candidate, under the retry policy of its manifest and
   * through its breaker; when it fails, to the next. A plugin may get a request more than once, and more than one may get it.
   * Rejects with a `NoPluginError` when there is nobody to ask, with an `AllPluginsFailedError`, with the signal's reason, or at once
   * with what the bus has against the payload.
   */
  async dispatch(request: RouteRequest, input: DispatchInput = {}): Promise<DispatchResult> {
    const route = await this.decide(request, input);
    if (route.candidates.length === 0) throw new NoPluginError(route);
    const failed: FailedAttempt[] = [];
    for (const [rank, { pluginId }] of route.candidates.entries()) {
      const hasNext = rank + 1 < route.candidates.length;
      try {
        const response = await this.#ask(pluginId, route.requestId, input, hasNext);
        return { pluginId, response, route, failed };
      } catch (error) {
        input.signal?.throwIfAborted();
        if (!isReasonForNext(error)) throw error;
        failed.push({ pluginId, error });
      }
    }
    throw new AllPluginsFailedError(route, failed);
  }

  /** Each try goes through the breaker by itself: a plugin that fails while it is retried is spared the rest. */
  #ask(pluginId: string, requestId: string, input: DispatchInput, hasNext: boolean): Promise<unknown> {
    const { payload, timeout = limit("request.timeoutMs"), headers, signal } = input;
    const breaker = this.#registry.breakerOf(pluginId);
    const send = (trying: { readonly signal: AbortSignal }): Promise<unknown> =>
      this.#bus.request({
        destination: pluginId,
        topic: `plugin/${pluginId}/request`,
        payload,
        timeout,
        headers: { ...headers, requestId },
        signal: trying.signal,
      });
    return retry((trying) => (breaker ? breaker.execute(send, undefined, trying) : send(trying)), {
      ...this.#registry.manifestOf(pluginId)?.errorHandling.retryPolicy,
      isRetryable: (error) => isWorthRetry(error, hasNext),
      signal,
      clock: this.#clock,
      random: this.#random,
    });
  }
}
