import type { PluginAccess } from "@signalbox/messagebus";
import type { PluginManifest } from "./manifest.ts";

/**
 * What a plugin with this manifest may do on the bus, beside its own `plugin/<name>/**`: publish on its topics, subscribe to its
 * subscriptions, ask and call the plugins that it may route to, serve RPC.
 */
export function accessOf({ communication, routing }: PluginManifest): Required<PluginAccess> {
  const { messagebus, rpc } = communication;
  return {
    publish: messagebus.enabled ? [...messagebus.topics] : [],
    subscribe: messagebus.enabled ? [...messagebus.subscriptions] : [],
    request: messagebus.enabled ? [...routing.canRouteTo] : [],
    call: usesBus({ communication }) ? [...routing.canRouteTo] : [],
    serve: rpc.enabled,
  };
}

/** Whether a plugin has any business on the bus; one that has none gets no credential for it. */
export function usesBus({ communication }: Pick<PluginManifest, "communication">): boolean {
  return communication.messagebus.enabled || communication.rpc.enabled;
}
