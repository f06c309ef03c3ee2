import type { ControlPlane } from "@signalbox/control-plane";
import {
  ApprovePluginRequestSchema,
  CreatePluginTokenRequestSchema,
  DispatchPluginRequestSchema,
  PluginAnswerSchema,
  PluginDetailsSchema,
  PluginListSchema,
  PluginLogSchema,
  PluginRouteSchema,
  PluginSchema,
  PluginTokenSchema,
  RegisterPluginRequestSchema,
  RevokePluginRequestSchema,
  RoutePluginRequestSchema,
  type ApprovePluginRequest,
  type CreatePluginTokenRequest,
  type DispatchPluginInput,
  type RegisterPluginRequest,
  type RevokePluginRequest,
  type RoutePluginRequest,
} from "@signalbox/protocol";

import { route, type Route } from "../route.ts";
import { EmptyBodySchema } from "./wire.ts";

const NO_BODY = { schema: EmptyBodySchema, required: false, checked: "here" } as const;

/** The endpoints of the native API that are about plugins. The socket of plugins is the control plane's own. */
export function pluginRoutes({ plugins }: Pick<ControlPlane, "plugins">): Route[] {
  return [
    route({
      method: "GET",
      path: "/plugins",
      permission: "plugins:read",
      summary: "Lists plugins, and what in the plugins folder is none.",
      answer: { status: 200, schema: PluginListSchema },
      handle: ({ context }) => plugins.listPlugins(context),
    }),
    route({
      method: "POST",
      path: "/plugins",
      permission: "plugins:write",
      summary: "Makes a plugin known that runs elsewhere, or gives it another manifest; it waits for approval.",
      body: { schema: RegisterPluginRequestSchema, required: true },
      answer: { status: 201, schema: PluginSchema },
      handle: ({ body, context }) => plugins.registerPlugin(body as RegisterPluginRequest, context),
    }),
    route({
      method: "POST",
      path: "/plugins/route",
      permission: "plugins:read",
      summary: "Which plugin a request would go to, and why; nothing is sent.",
      body: { schema: RoutePluginRequestSchema, required: true },
      answer: { status: 200, schema: PluginRouteSchema },
      handle: ({ body, context }) => plugins.routeRequest(body as RoutePluginRequest, context),
    }),
    route({
      method: "POST",
      path: "/plugins/dispatch",
      permission: "plugins:call",
      summary: "Sends a request to the plugin that fits best and gives its answer; it is not repeated by key.",
      body: { schema: DispatchPluginRequestSchema, required: true },
      answer: { status: 200, schema: PluginAnswerSchema },
      handle: ({ body, context }) => plugins.dispatchRequest(body as DispatchPluginInput, context),
    }),
    route({
      method: "GET",
      path: "/plugins/:name",
      permission: "plugins:read",
      summary: "A plugin, its manifest, what that lets it do, and what its process wrote last.",
      answer: { status: 200, schema: PluginDetailsSchema },
      handle: (call) => plugins.getPlugin(call.param("name"), call.context),
    }),
    route({
      method: "GET",
      path: "/plugins/:name/logs",
      permission: "plugins:read",
      summary: "The last lines that a plugin's process wrote.",
      answer: { status: 200, schema: PluginLogSchema },
      handle: (call) => plugins.readLog(call.param("name"), call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/approve",
      permission: "plugins:approve",
      summary: "Lets a plugin run with exactly the manifest of a hash.",
      body: { schema: ApprovePluginRequestSchema, required: true },
      answer: { status: 200, schema: PluginSchema },
      handle: (call) => plugins.approvePlugin(call.param("name"), call.body as ApprovePluginRequest, call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/revoke",
      permission: "plugins:approve",
      summary: "Takes a plugin's approval and tokens away, and closes its connection.",
      body: { schema: RevokePluginRequestSchema, required: false },
      answer: { status: 200, schema: PluginSchema },
      handle: (call) =>
        plugins.revokePlugin(call.param("name"), call.body as RevokePluginRequest | undefined, call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/tokens",
      permission: "plugins:approve",
      summary: "A token with which an approved plugin connects from elsewhere, shown this once.",
      body: { schema: CreatePluginTokenRequestSchema, required: false },
      answer: { status: 201, schema: PluginTokenSchema },
      handle: (call) =>
        plugins.createToken(call.param("name"), call.body as CreatePluginTokenRequest | undefined, call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/start",
      permission: "plugins:write",
      summary: "Starts the process of an approved plugin.",
      body: NO_BODY,
      answer: { status: 200, schema: PluginSchema },
      handle: (call) => plugins.startPlugin(call.param("name"), call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/stop",
      permission: "plugins:write",
      summary: "Ends the process of a plugin.",
      body: NO_BODY,
      answer: { status: 200, schema: PluginSchema },
      handle: (call) => plugins.stopPlugin(call.param("name"), call.context),
    }),
    route({
      method: "POST",
      path: "/plugins/:name/restart",
      permission: "plugins:write",
      summary: "Ends the process of a plugin and starts it anew.",
      body: NO_BODY,
      answer: { status: 200, schema: PluginSchema },
      handle: (call) => plugins.restartPlugin(call.param("name"), call.context),
    }),
  ];
}
