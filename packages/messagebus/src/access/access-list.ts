import { ForbiddenTopicError, ReservedTopicError } from "../errors.ts";
import { GenerationCache } from "../generation-cache.ts";
import type { BusLimits } from "../limits.ts";
import { checkPluginId } from "../plugin-id.ts";
import { canonicalPattern, isReservedTopic, matchesTopic } from "../topic.ts";
import { covers } from "./covers.ts";
import { PluginAccessSchema, type PluginAccess } from "./plugin-access.ts";

/** Stands for every plugin in `request` and `call`. */
export const ANY_PLUGIN = "*";

/** The access of one plugin, checked and in canonical form, as a list of questions that refuse. */
export class AccessList {
  readonly pluginId: string;
  /** Canonical, its own topics among them. */
  readonly publish: readonly string[];
  /** Canonical, its own topics among them. */
  readonly subscribe: readonly string[];
  readonly request: ReadonlySet<string>;
  readonly call: ReadonlySet<string>;
  readonly serve: boolean;
  /** Topics that were found allowed; a plugin sends on few. */
  readonly #allowed: GenerationCache<string, true>;

  /** Refuses patterns that are none with an InvalidTopicError, ids that are none with an InvalidPluginIdError. */
  constructor(pluginId: string, access: PluginAccess, limits: BusLimits) {
    checkPluginId(pluginId);
    const { publish, subscribe, request, call, serve } = PluginAccessSchema.parse(access);
    const own = `plugin/${pluginId}/**`;
    this.pluginId = pluginId;
    this.publish = [own, ...publish.map((pattern) => canonicalPattern(pattern, limits))];
    this.subscribe = [own, ...subscribe.map((pattern) => canonicalPattern(pattern, limits))];
    this.request = new Set([pluginId, ...request.map(checkDestination)]);
    this.call = new Set([pluginId, ...call.map(checkDestination)]);
    this.serve = serve;
    this.#allowed = new GenerationCache(limits["cache.topics"]);
  }

  /** Refuses a canonical topic with a ReservedTopicError or a ForbiddenTopicError. */
  checkPublish(topic: string): void {
    if (this.#allowed.get(topic)) return;
    this.checkReserved(topic);
    if (!this.publish.some((pattern) => matchesTopic(pattern, topic))) {
      throw new ForbiddenTopicError(`plugin ${this.pluginId} may not publish on ${topic}`);
    }
    this.#allowed.set(topic, true);
  }

  /** Refuses a canonical topic that only the host of the plugins sends on. */
  checkReserved(topic: string): void {
    if (!isReservedTopic(topic)) return;
    throw new ReservedTopicError(`plugin ${this.pluginId} may not send on ${topic}: only the host of the plugins does`);
  }

  /** Refuses a canonical pattern that goes beyond what may be read, in whole or in part. */
  checkSubscribe(pattern: string): void {
    if (this.subscribe.some((allowed) => covers(allowed, pattern))) return;
    throw new ForbiddenTopicError(`plugin ${this.pluginId} may not subscribe to ${pattern}`);
  }

  /** Refuses to ask this plugin. */
  checkRequest(destination: string): void {
    if (this.request.has(destination) || this.request.has(ANY_PLUGIN)) return;
    throw new ForbiddenTopicError(`plugin ${this.pluginId} may not send requests to plugin ${destination}`);
  }

  /** Refuses to call this plugin. */
  checkCall(destination: string): void {
    if (this.call.has(destination) || this.call.has(ANY_PLUGIN)) return;
    throw new ForbiddenTopicError(`plugin ${this.pluginId} may not call plugin://${destination}/rpc`);
  }

  /** Refuses an RPC server. */
  checkServe(): void {
    if (!this.serve) throw new ForbiddenTopicError(`plugin ${this.pluginId} may not serve RPC`);
  }
}

function checkDestination(id: string): string {
  if (id !== ANY_PLUGIN) checkPluginId(id);
  return id;
}
