import { AccessList } from "../access/access-list.ts";
import type { PluginAccess } from "../access/plugin-access.ts";
import { busLimits } from "../limits.ts";
import { SYSTEM_ID } from "../plugin-id.ts";
import { NatsSubjects } from "./nats-subjects.ts";

/** A block of permissions as nats-server reads it, in its configuration or as the claims of a user. */
export interface NatsPermissions {
  readonly publish: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  /** Answers go to where the question says, once. */
  readonly allow_responses: { readonly max: number; readonly expires: string };
}

/** What permissions depend on besides the access list. */
export interface NatsPermissionsOptions {
  /** As in `natsTransport`; default `signalbox`. */
  readonly prefix?: string;
}

/**
 * The permissions with which a nats-server keeps a plugin to its access list: it sends under its own name alone, reads its
 * own inbox and what it may subscribe to, and answers what it was asked. For the id `system`, the host of the plugins, reserved
 * topics are open. Throws as the access list does.
 */
export function natsPermissions(
  pluginId: string,
  access: PluginAccess,
  { prefix = "signalbox" }: NatsPermissionsOptions = {},
): NatsPermissions {
  const limits = busLimits();
  const { publish, subscribe, request, call, serve } = new AccessList(pluginId, access, limits);
  const subjects = new NatsSubjects(prefix);
  const reserved = pluginId === SYSTEM_ID ? [] : ["system", "system/**", "routing", "routing/**"];
  const sent = (topics: readonly string[]) =>
    topics.flatMap((topic) => [subjects.publish(pluginId, topic), subjects.directed("*", pluginId, topic)]);
  return {
    publish: {
      allow: [
        ...sent(publish),
        ...[...request].map((id) => subjects.ask(id, pluginId)),
        ...[...call].map((id) => subjects.call(id, pluginId)),
        ...[...new Set([...request, ...call])].map((id) => subjects.cancel(id, pluginId)),
      ],
      deny: sent(reserved),
    },
    subscribe: {
      allow: [
        ...subscribe.map((pattern) => subjects.publish("*", pattern)),
        subjects.directed(pluginId, "*", "**"),
        subjects.ask(pluginId, "*"),
        subjects.cancel(pluginId, "*"),
        ...(serve ? [subjects.call(pluginId, "*")] : []),
        subjects.inbox(pluginId, ">"),
      ],
    },
    allow_responses: { max: 1, expires: `${limits["request.timeoutMaxMs"]}ms` },
  };
}
