import type { ControlPlane } from "@signalbox/control-plane";
import {
  ApprovalSchema,
  CreateSessionRequestSchema,
  pageSchema,
  PublicationReportSchema,
  PublicationSchema,
  PublishSessionRequestSchema,
  ReorderInputsRequestSchema,
  SendInputRequestSchema,
  SessionDiffSchema,
  SessionSchema,
  type CreateSessionInput,
  type PublishSessionInput,
  type ReorderInputsRequest,
  type ResolveApprovalInput,
  type SendInputRequest,
} from "@signalbox/protocol";
import * as z from "zod";

import { route, type Route } from "../route.ts";
import { given } from "./given.ts";
import { streamSessionEvents } from "./stream.ts";
import * as wire from "./wire.ts";

const NO_BODY = { schema: wire.EmptyBodySchema, required: false, checked: "here" } as const;

/** The endpoints of the native API that are about sessions and decisions. The socket of sessions is the control plane's own. */
export function sessionRoutes({
  sessions,
  approvals,
  diffs,
  publishing,
  tokens,
}: Pick<ControlPlane, "sessions" | "approvals" | "diffs" | "publishing" | "tokens">): Route[] {
  return [
    route({
      method: "POST",
      path: "/sessions",
      permission: "sessions:write",
      summary: "Opens a session: an agent of a provider works on a task, on a machine that has it.",
      body: { schema: CreateSessionRequestSchema.partial({ orgId: true }), required: true },
      answer: { status: 201, schema: SessionSchema },
      handle: ({ body, context }) =>
        sessions.createSession(withOrg(body as Partial<CreateSessionInput>, context.principal.orgId), context),
    }),
    route({
      method: "GET",
      path: "/sessions",
      permission: "sessions:read",
      summary: "Lists sessions, newest first.",
      query: wire.ListSessionsQuerySchema,
      answer: { status: 200, schema: pageSchema(SessionSchema) },
      handle: ({ query, context }) => sessions.listSessions(context.principal.orgId, given(query), context),
    }),
    route({
      method: "GET",
      path: "/sessions/:id",
      permission: "sessions:read",
      summary: "A session, what waits for its agent, and what it waits for.",
      answer: { status: 200, schema: SessionSchema },
      handle: (call) => sessions.getSession(call.param("id"), call.context),
    }),
    route({
      method: "GET",
      path: "/sessions/:id/stream",
      permission: "sessions:read",
      summary: "A session's events as they happen, until it ends.",
      query: wire.EventStreamQuerySchema,
      answer: { status: 200, contentType: "text/event-stream" },
      isStream: true,
      handle: (call) => streamSessionEvents(call, sessions),
    }),
    route({
      method: "GET",
      path: "/sessions/:id/diff",
      permission: "sessions:read",
      summary: "What the agent has changed: live from its machine while it works, as it was kept after that.",
      query: wire.DiffQuerySchema,
      answer: { status: 200, schema: SessionDiffSchema },
      handle: (call) => diffs.getDiff(call.param("id"), given(call.query), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/publish",
      permission: "sessions:write",
      summary: "Asks leave to push exactly what the agent has changed to a branch, and to open a pull request.",
      body: { schema: PublishSessionRequestSchema, required: true },
      answer: { status: 202, schema: PublicationSchema },
      handle: (call) => publishing.publishSession(call.param("id"), call.body as PublishSessionInput, call.context),
    }),
    route({
      method: "GET",
      path: "/sessions/:id/publications",
      permission: "sessions:read",
      summary: "Lists what was to be published of a session, newest first, and what became of each.",
      answer: { status: 200, schema: z.object({ items: z.array(PublicationReportSchema) }) },
      handle: (call) => publishing.listPublications(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/inputs",
      permission: "sessions:write",
      summary: "Says something to the agent: as its next turn, or into the one that goes on.",
      body: { schema: SendInputRequestSchema, required: true },
      answer: { status: 202, schema: SessionSchema.extend({ inputId: z.string() }) },
      handle: (call) => sessions.sendInput(call.param("id"), call.body as SendInputRequest, call.context),
    }),
    route({
      method: "PUT",
      path: "/sessions/:id/inputs",
      permission: "sessions:write",
      summary: "Puts the inputs that wait into another order.",
      body: { schema: ReorderInputsRequestSchema, required: true, checked: "here" },
      answer: { status: 200, schema: SessionSchema },
      handle: (call) =>
        sessions.reorderInputs(call.param("id"), (call.body as ReorderInputsRequest).inputIds, call.context),
    }),
    route({
      method: "DELETE",
      path: "/sessions/:id/inputs/:input",
      permission: "sessions:write",
      summary: "Takes back an input that waits.",
      answer: { status: 200, schema: SessionSchema },
      handle: (call) => sessions.withdrawInput(call.param("id"), call.param("input"), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/interrupt",
      permission: "sessions:write",
      summary: "Stops the turn that goes on; the session stays.",
      body: NO_BODY,
      answer: { status: 200, schema: SessionSchema },
      handle: (call) => sessions.interruptSession(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/pause",
      permission: "sessions:write",
      summary: "Holds a session: nothing is said to its agent until it is resumed.",
      body: NO_BODY,
      answer: { status: 200, schema: SessionSchema },
      handle: (call) => sessions.pauseSession(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/resume",
      permission: "sessions:write",
      summary: "Lets a held session go on where it was.",
      body: NO_BODY,
      answer: { status: 200, schema: SessionSchema },
      handle: (call) => sessions.resumeSession(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/stop",
      permission: "sessions:write",
      summary: "Ends a session: in good order when its agent has nothing to do, else by stopping it.",
      body: { schema: wire.ReasonBodySchema, required: false, checked: "here" },
      answer: { status: 200, schema: SessionSchema },
      handle: (call) =>
        sessions.stopSession(call.param("id"), (call.body as { reason?: string } | undefined)?.reason, call.context),
    }),
    route({
      method: "POST",
      path: "/sessions/:id/approvals",
      permission: "sessions:write",
      summary: "Asks leave for an action; the session waits for the answer.",
      body: { schema: wire.AskApprovalBodySchema, required: true, checked: "here" },
      answer: { status: 201, schema: ApprovalSchema },
      handle: (call) => {
        const { action, description, context = {} } = call.body as z.infer<typeof wire.AskApprovalBodySchema>;
        return sessions.requestApproval(call.param("id"), action, description, context, call.context);
      },
    }),
    route({
      method: "POST",
      path: "/socket-tickets",
      permission: "sessions:read",
      summary: "A single-use ticket with which a browser opens the socket of sessions.",
      body: NO_BODY,
      answer: { status: 201, schema: wire.StreamTicketSchema },
      handle: ({ context }) => tokens.createSocketTicket(context),
    }),
    route({
      method: "GET",
      path: "/approvals",
      permission: "sessions:read",
      summary: "Lists decisions that were asked for, of sessions and at the gates of runs, newest first.",
      query: wire.ListApprovalsQuerySchema,
      answer: { status: 200, schema: z.object({ items: z.array(ApprovalSchema) }) },
      handle: ({ query, context }) => approvals.listApprovals(given(query), context),
    }),
    route({
      method: "GET",
      path: "/approvals/:id",
      permission: "sessions:read",
      summary: "A decision that was asked for, with everything that it lets happen.",
      answer: { status: 200, schema: ApprovalSchema },
      handle: (call) => approvals.getApproval(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/approvals/:id/resolve",
      permission: "gates:decide",
      summary: "Says yes or no. The first answer counts, for the content whose hash is sent.",
      body: { schema: wire.ResolveApprovalBodySchema, required: true },
      answer: { status: 200, schema: ApprovalSchema },
      handle: (call) =>
        approvals.resolveApproval(
          call.param("id"),
          call.body as Omit<ResolveApprovalInput, "approvalId">,
          call.context,
        ),
    }),
  ];
}

/** A caller of the API acts in its own org and need not say so. */
function withOrg(body: Partial<CreateSessionInput>, orgId: string): CreateSessionInput {
  // Checked by the handler, with the schema that the route names.
  return { orgId, ...body } as CreateSessionInput;
}
