import type { ControlPlane } from "@signalbox/control-plane";
import {
  CancelRunRequestSchema,
  CreateWebhookRequestSchema,
  type ApiResponse,
  type CancelRunRequest,
  type CreateWebhookInput,
} from "@signalbox/protocol";

import { sendContent } from "../downloads/send-content.ts";
import { route, type Route } from "../route.ts";
import { streamEvents } from "./stream.ts";
import {
  fromNofxCreateRun,
  fromNofxResolveGate,
  toNofxGate,
  toNofxRun,
  toNofxRunDetails,
  toNofxWebhook,
} from "./translate.ts";
import * as wire from "./wire.ts";

const DECISION = {
  body: { schema: wire.ResolveGateSchema, required: false },
  answer: { status: 200, schema: wire.GateSchema },
} as const;

/** Every endpoint of the NOFX guide that is served so far. */
export function nofxRoutes({ runs, gates, webhooks }: ControlPlane): Route[] {
  return [
    // The old paths stand before `/runs/:id`, so that `create` is never taken for a run.
    ...(["GET", "POST"] as const).map((method) =>
      route({
        method,
        path: "/runs/create",
        permission: "public",
        summary: "The old path of POST /runs.",
        answer: { status: 308 },
        handle: () => moved("/runs"),
      }),
    ),
    route({
      method: "GET",
      path: "/runs/get/:id",
      permission: "public",
      summary: "The old path of GET /runs/:id.",
      answer: { status: 308 },
      handle: (call) => moved(`/runs/${encodeURIComponent(call.param("id"))}`),
    }),
    route({
      method: "POST",
      path: "/runs",
      permission: "runs:write",
      summary: "Makes a run from a plan, a prompt or a command.",
      body: { schema: wire.CreateRunSchema, required: true },
      answer: { status: 201, schema: wire.RunSchema },
      handle: async ({ body, context }) => map(await runs.createRun(fromNofxCreateRun(body), context), toNofxRun),
    }),
    route({
      method: "GET",
      path: "/runs",
      permission: "runs:read",
      summary: "Lists runs, newest first.",
      query: wire.ListRunsQuerySchema,
      answer: { status: 200, schema: wire.RunListSchema },
      async handle({ query, context }) {
        const projectId = query.projectId ?? query.project_id;
        const found = await runs.listRuns(
          { limit: query.limit, ...(projectId === undefined ? {} : { projectId }) },
          context,
        );
        return map(found, ({ items }) => ({ runs: items.map(toNofxRun) }));
      },
    }),
    route({
      method: "GET",
      path: "/runs/:id",
      permission: "runs:read",
      summary: "A run with its steps and artifacts.",
      answer: { status: 200, schema: wire.RunDetailsSchema },
      handle: async (call) => map(await runs.getRun(call.param("id"), call.context), toNofxRunDetails),
    }),
    route({
      method: "GET",
      path: "/runs/:id/stream",
      permission: "runs:read",
      summary: "A run's events: `init`, then `append`, until it ends.",
      answer: { status: 200, contentType: "text/event-stream", also: { 204: "The reader has everything already." } },
      isStream: true,
      handle: (call) => streamEvents(call, runs),
    }),
    route({
      method: "POST",
      path: "/runs/:id/cancel",
      permission: "runs:write",
      summary: "Asks for a run to be stopped.",
      body: { schema: CancelRunRequestSchema, required: false },
      answer: { status: 200, schema: wire.RunSchema },
      handle: async (call) =>
        map(await runs.cancelRun(call.param("id"), call.body as CancelRunRequest | undefined, call.context), toNofxRun),
    }),
    route({
      method: "GET",
      path: "/artifacts/:id",
      permission: "runs:read",
      summary: "The bytes of an artifact.",
      answer: {
        status: 200,
        contentType: "application/octet-stream",
        also: { 206: "The range that was asked for.", 304: "The caller has it already." },
      },
      async handle(call) {
        const found = await runs.getArtifact(call.param("id"), call.context);
        return found.success ? await sendContent(call, found.data.content) : found;
      },
    }),
    route({
      method: "POST",
      path: "/gates/:id/approve",
      permission: "gates:decide",
      summary: "Says yes at a gate.",
      ...DECISION,
      handle: async (call) =>
        map(await gates.approveGate(call.param("id"), fromNofxResolveGate(call.body), call.context), toNofxGate),
    }),
    route({
      method: "POST",
      path: "/gates/:id/reject",
      permission: "gates:decide",
      summary: "Says no at a gate.",
      ...DECISION,
      handle: async (call) =>
        map(await gates.rejectGate(call.param("id"), fromNofxResolveGate(call.body), call.context), toNofxGate),
    }),
    route({
      method: "POST",
      path: "/webhooks",
      permission: "webhooks:write",
      summary: "Lets a URL be told of events; the answer shows the secret that signs them, this once.",
      body: { schema: CreateWebhookRequestSchema, required: true },
      answer: { status: 201, schema: wire.WebhookWithSecretSchema },
      handle: async ({ body, context }) =>
        map(await webhooks.createWebhook(body as CreateWebhookInput, context), ({ secret, ...webhook }) => ({
          ...toNofxWebhook(webhook),
          secret,
        })),
    }),
    route({
      method: "GET",
      path: "/webhooks",
      permission: "webhooks:read",
      summary: "Lists webhooks, oldest first.",
      answer: { status: 200, schema: wire.WebhookListSchema },
      handle: async ({ context }) =>
        map(await webhooks.listWebhooks(context), ({ items }) => ({ webhooks: items.map(toNofxWebhook) })),
    }),
    route({
      method: "DELETE",
      path: "/webhooks/:id",
      permission: "webhooks:write",
      summary: "Ends a webhook; what waits for it is gone.",
      answer: { status: 200, schema: wire.WebhookSchema },
      handle: async (call) => map(await webhooks.deleteWebhook(call.param("id"), call.context), toNofxWebhook),
    }),
  ];
}

function map<From, To>(answer: ApiResponse<From>, translate: (data: From) => To): ApiResponse<To> {
  return answer.success ? { ...answer, data: translate(answer.data) } : answer;
}

function moved(location: string): Response {
  return new Response(null, { status: 308, headers: { Location: location } });
}
