import type { ControlPlane } from "@signalbox/control-plane";
import {
  ArtifactSchema,
  CancelRunRequestSchema,
  CreateEnrolmentTokenRequestSchema,
  CreateRunRequestSchema,
  CreateTokenRequestSchema,
  ERROR_CODES,
  GateDiffSchema,
  GateSchema,
  LIMITS,
  pageSchema,
  ProjectSchema,
  PutProjectRequestSchema,
  PutSecretRequestSchema,
  ResolveGateRequestSchema,
  RunDetailsSchema,
  RunnerSchema,
  RunSchema,
  StepDetailsSchema,
  succeed,
  TokenSchema,
  WaitingReasonSchema,
  type CancelRunRequest,
  type CreateEnrolmentTokenRequest,
  type CreateRunInput,
  type CreateTokenRequest,
  type LimitName,
  type PutProjectRequest,
  type PutSecretRequest,
  type ResolveGateRequest,
} from "@signalbox/protocol";
import * as z from "zod";

import { sendContent } from "../downloads/send-content.ts";
import { route, type Route } from "../route.ts";
import { given } from "./given.ts";
import { pluginRoutes } from "./plugin-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";
import { streamEvents, streamOutput } from "./stream.ts";
import * as wire from "./wire.ts";

const NO_BODY = { schema: wire.EmptyBodySchema, required: false, checked: "here" } as const;
const DOWNLOAD = {
  status: 200,
  contentType: "application/octet-stream",
  also: { 206: "The range that was asked for.", 304: "The caller has it already." },
} as const;
const SSE = {
  status: 200,
  contentType: "text/event-stream",
  also: { 204: "The reader has everything already." },
} as const;

/** Every endpoint of the native API. Bodies are handed on as they came: the handler checks them with the schema named. */
export function nativeRoutes(controlPlane: ControlPlane): Route[] {
  const { runs, gates, diffs, projects, runners, tokens, limits } = controlPlane;
  return [
    route({
      method: "POST",
      path: "/runs",
      permission: "runs:write",
      summary: "Makes a run from a plan, a prompt, instructions or a command.",
      body: { schema: CreateRunRequestSchema, required: true },
      answer: { status: 201, schema: RunSchema },
      handle: ({ body, context }) => runs.createRun(body as CreateRunInput, context),
    }),
    route({
      method: "GET",
      path: "/runs",
      permission: "runs:read",
      summary: "Lists runs, newest first.",
      query: wire.ListRunsQuerySchema,
      answer: { status: 200, schema: wire.RunListSchema },
      handle: ({ query, context }) => runs.listRuns(given(query), context),
    }),
    route({
      method: "GET",
      path: "/runs/:id",
      permission: "runs:read",
      summary: "A run with its steps, gates and artifacts.",
      answer: { status: 200, schema: RunDetailsSchema },
      handle: (call) => runs.getRun(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/runs/:id/cancel",
      permission: "runs:write",
      summary: "Asks for a run to be stopped.",
      body: { schema: CancelRunRequestSchema, required: false },
      answer: { status: 200, schema: RunSchema },
      handle: (call) => runs.cancelRun(call.param("id"), call.body as CancelRunRequest | undefined, call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/steps/:step",
      permission: "runs:read",
      summary: "A step by its name, with its attempts.",
      answer: { status: 200, schema: StepDetailsSchema },
      handle: (call) => runs.getStep(call.param("id"), call.param("step"), call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/waiting",
      permission: "runs:read",
      summary: "Why steps that could run do not.",
      answer: { status: 200, schema: z.array(WaitingReasonSchema) },
      handle: (call) => runs.explainRun(call.param("id"), call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/events",
      permission: "runs:read",
      summary: "A page of a run's events after a cursor.",
      query: wire.EventsQuerySchema,
      answer: { status: 200, schema: wire.EventListSchema },
      handle: (call) => runs.listEvents(call.param("id"), given(call.query), call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/stream",
      permission: "runs:read",
      summary: "A run's events as they happen, until it ends.",
      query: wire.EventStreamQuerySchema,
      answer: SSE,
      isStream: true,
      handle: (call) => streamEvents(call, runs),
    }),
    route({
      method: "GET",
      path: "/runs/:id/output",
      permission: "runs:read",
      summary: "A run's output as it is written, or as plain bytes.",
      query: wire.OutputQuerySchema,
      answer: SSE,
      isStream: true,
      handle: (call) => streamOutput(call, runs),
    }),
    route({
      method: "POST",
      path: "/runs/:id/stream-tickets",
      permission: "runs:read",
      summary: "A single-use ticket with which a browser opens one stream of this run.",
      body: NO_BODY,
      answer: { status: 201, schema: wire.StreamTicketSchema },
      handle: (call) => tokens.createTicket(call.param("id"), call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/files",
      permission: "runs:read",
      summary: "The files of a run's workspace.",
      answer: { status: 200, schema: wire.FileListSchema },
      handle: (call) => runs.listFiles(call.param("id"), call.context),
    }),
    route({
      method: "GET",
      path: "/runs/:id/files/:path{.+}",
      permission: "runs:read",
      summary: "One file of a run's workspace.",
      answer: DOWNLOAD,
      async handle(call) {
        const file = await runs.getFile(call.param("id"), call.param("path"), call.context);
        return file.success ? await sendContent(call, file.data) : file;
      },
    }),
    route({
      method: "GET",
      path: "/artifacts/:id",
      permission: "runs:read",
      summary: "What is known of an artifact.",
      answer: { status: 200, schema: ArtifactSchema },
      async handle(call) {
        const found = await runs.getArtifact(call.param("id"), call.context);
        return found.success ? succeed(found.data.artifact) : found;
      },
    }),
    route({
      method: "GET",
      path: "/artifacts/:id/content",
      permission: "runs:read",
      summary: "The bytes of an artifact.",
      answer: DOWNLOAD,
      async handle(call) {
        const found = await runs.getArtifact(call.param("id"), call.context);
        return found.success ? await sendContent(call, found.data.content) : found;
      },
    }),

    route({
      method: "GET",
      path: "/gates",
      permission: "runs:read",
      summary: "Lists gates, newest first.",
      query: wire.ListGatesQuerySchema,
      answer: { status: 200, schema: wire.GateListSchema },
      handle: ({ query, context }) => gates.listGates(given(query), context),
    }),
    route({
      method: "GET",
      path: "/gates/:id",
      permission: "runs:read",
      summary: "A gate, and exactly what it asks.",
      answer: { status: 200, schema: GateSchema },
      handle: (call) => gates.getGate(call.param("id"), call.context),
    }),
    route({
      method: "GET",
      path: "/gates/:id/diff",
      permission: "runs:read",
      summary: "The whole diff that is decided on at a gate, where a step before it has taken one.",
      answer: { status: 200, schema: GateDiffSchema },
      handle: (call) => diffs.getGateDiff(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/gates/:id/approve",
      permission: "gates:decide",
      summary: "Says yes at a gate.",
      body: { schema: ResolveGateRequestSchema, required: false },
      answer: { status: 200, schema: GateSchema },
      handle: (call) => gates.approveGate(call.param("id"), call.body as ResolveGateRequest | undefined, call.context),
    }),
    route({
      method: "POST",
      path: "/gates/:id/reject",
      permission: "gates:decide",
      summary: "Says no at a gate.",
      body: { schema: ResolveGateRequestSchema, required: false },
      answer: { status: 200, schema: GateSchema },
      handle: (call) => gates.rejectGate(call.param("id"), call.body as ResolveGateRequest | undefined, call.context),
    }),

    route({
      method: "GET",
      path: "/runners",
      permission: "runners:read",
      summary: "Lists the machines of the fleet.",
      query: wire.PageQuerySchema,
      answer: { status: 200, schema: pageSchema(RunnerSchema) },
      handle: ({ query, context }) => runners.listRunners(given(query), context),
    }),
    route({
      method: "POST",
      path: "/runners/enrolment-tokens",
      permission: "runners:write",
      summary: "A single-use token that admits one machine to the fleet.",
      body: { schema: CreateEnrolmentTokenRequestSchema, required: false },
      answer: { status: 201, schema: wire.EnrolmentTokenSchema },
      handle: ({ body, context }) =>
        runners.createEnrolmentToken(body as Partial<CreateEnrolmentTokenRequest> | undefined, context),
    }),
    route({
      method: "GET",
      path: "/runners/:id",
      permission: "runners:read",
      summary: "A machine of the fleet.",
      answer: { status: 200, schema: RunnerSchema },
      handle: (call) => runners.getRunner(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/runners/:id/drain",
      permission: "runners:write",
      summary: "Gives a machine no new work.",
      body: NO_BODY,
      answer: { status: 200, schema: RunnerSchema },
      handle: (call) => runners.drainRunner(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/runners/:id/resume",
      permission: "runners:write",
      summary: "Gives a draining machine work again.",
      body: NO_BODY,
      answer: { status: 200, schema: RunnerSchema },
      handle: (call) => runners.resumeRunner(call.param("id"), call.context),
    }),
    route({
      method: "DELETE",
      path: "/runners/:id",
      permission: "runners:write",
      summary: "Removes a machine from the fleet for good.",
      query: wire.ReasonQuerySchema,
      body: NO_BODY,
      answer: { status: 200, schema: RunnerSchema },
      handle: (call) => runners.deregisterRunner(call.param("id"), call.query.reason, call.context),
    }),

    ...sessionRoutes(controlPlane),
    ...pluginRoutes(controlPlane),
    ...webhookRoutes(controlPlane),

    route({
      method: "GET",
      path: "/projects",
      permission: "runs:read",
      summary: "Lists projects.",
      query: wire.PageQuerySchema,
      answer: { status: 200, schema: pageSchema(ProjectSchema) },
      handle: ({ query, context }) => projects.listProjects(given(query), context),
    }),
    route({
      method: "GET",
      path: "/projects/:id",
      permission: "runs:read",
      summary: "A project with its settings and the names of its secrets.",
      answer: { status: 200, schema: ProjectSchema },
      handle: (call) => projects.getProject(call.param("id"), call.context),
    }),
    route({
      method: "PUT",
      path: "/projects/:id",
      permission: "projects:write",
      summary: "Makes or changes a project; what is left out stays.",
      body: { schema: PutProjectRequestSchema, required: true },
      answer: { status: 200, schema: wire.PutProjectResultSchema },
      handle: (call) => projects.putProject(call.param("id"), call.body as PutProjectRequest, call.context),
    }),
    route({
      method: "PUT",
      path: "/projects/:id/secrets/:scope/:name",
      permission: "projects:write",
      summary: "Sets a secret; it can be used by steps and never be read back.",
      body: { schema: PutSecretRequestSchema, required: true },
      answer: { status: 200, schema: wire.SecretSchema },
      handle: (call) =>
        projects.putSecret(
          call.param("id"),
          call.param("scope"),
          call.param("name"),
          call.body as PutSecretRequest,
          call.context,
        ),
    }),
    route({
      method: "DELETE",
      path: "/projects/:id/secrets/:scope/:name",
      permission: "projects:write",
      summary: "Forgets a secret.",
      body: NO_BODY,
      answer: { status: 200, schema: wire.SecretSchema },
      handle: (call) => projects.deleteSecret(call.param("id"), call.param("scope"), call.param("name"), call.context),
    }),

    route({
      method: "GET",
      path: "/tokens",
      permission: "admin",
      summary: "Lists API tokens, without their secret part.",
      answer: { status: 200, schema: wire.TokenListSchema },
      handle: ({ context }) => tokens.listTokens(context),
    }),
    route({
      method: "POST",
      path: "/tokens",
      permission: "admin",
      summary: "Makes an API token; its secret part is shown this once.",
      body: { schema: CreateTokenRequestSchema, required: true },
      answer: { status: 201, schema: wire.NewTokenSchema },
      handle: ({ body, context }) => tokens.createToken(body as CreateTokenRequest, context),
    }),
    route({
      method: "DELETE",
      path: "/tokens/:id",
      permission: "admin",
      summary: "Revokes an API token.",
      body: NO_BODY,
      answer: { status: 200, schema: TokenSchema },
      handle: (call) => tokens.revokeToken(call.param("id"), call.context),
    }),

    route({
      method: "GET",
      path: "/limits",
      permission: "public",
      summary: "Every limit of this server.",
      answer: { status: 200, schema: wire.LimitTableSchema },
      handle: () => succeed(limitTable(limits)),
    }),
    route({
      method: "GET",
      path: "/errors",
      permission: "public",
      summary: "Every code that a refusal can carry.",
      answer: { status: 200, schema: wire.ErrorTableSchema },
      handle: () => succeed(ERROR_CODES),
    }),
  ];
}

/** The table of limits with the values that are in force. */
function limitTable(limits: ControlPlane["limits"]) {
  const names = Object.keys(LIMITS) as LimitName[];
  return Object.fromEntries(names.map((name) => [name, { ...LIMITS[name], value: limits(name) }]));
}
