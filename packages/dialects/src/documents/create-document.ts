import {
  ApiErrorSchema,
  ApiMetaSchema,
  ArtifactSchema,
  AttemptSchema,
  EventRecordSchema,
  GateSchema,
  limit,
  MachineSummarySchema,
  PluginDetailsSchema,
  PluginRouteSchema,
  PluginSchema,
  ProjectSchema,
  RunDetailsSchema,
  RunnerSchema,
  RunSchema,
  StepDetailsSchema,
  TokenSchema,
  WorkspaceFileSchema,
} from "@signalbox/protocol";
import * as z from "zod";
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi";

import { pathOf } from "../faces.ts";
import type { Face, Route } from "../route.ts";

/** The OpenAPI 3.1 document of all faces, made from the tables that the server is made of. */
export function createApiDocument(faces: readonly Face[]): object {
  const paths: ZodOpenApiPathsObject = {};
  for (const face of faces) {
    for (const route of face.routes) {
      const path = toOpenApiPath(pathOf(face, route));
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(face, route) };
    }
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Signalbox",
      version: "1",
      description:
        "A control plane for fleets of coding agents. The native API is below /api/v1; the API of the NOFX guide is at the root.",
      license: { name: "MIT", identifier: "MIT" },
    },
    tags: faces.map(({ name }) => ({ name })),
    paths,
    components: {
      schemas: NAMED_SCHEMAS,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "An API token." },
        ticket: {
          type: "apiKey",
          in: "query",
          name: "ticket",
          description: "A single-use ticket for one stream of one run.",
        },
        runner: { type: "http", scheme: "bearer", description: "The token of a runner's live connection." },
      },
    },
  });
}

function describe(face: Face, route: Route): ZodOpenApiOperationObject {
  const names = paramsOf(route.path);
  return {
    tags: [face.name],
    operationId: operationId(face, route),
    summary: route.summary,
    "x-permission": route.permission,
    security: securityOf(route),
    requestParams: {
      ...(names.length > 0 ? { path: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) } : {}),
      ...(route.query instanceof z.ZodObject ? { query: route.query } : {}),
      ...(route.method === "POST" ? { header: IdempotencyHeader } : {}),
    },
    ...(route.body
      ? {
          requestBody: {
            required: route.body.required,
            content: { "application/json": { schema: route.body.schema } },
          },
        }
      : {}),
    responses: responsesOf(face, route),
  };
}

const IdempotencyHeader = z.object({
  "Idempotency-Key": z
    .string()
    .max(limit("idempotency.keyLength"))
    .optional()
    .meta({ description: "Names this request, so that repeating it has no second effect." }),
});

function securityOf({ permission, isStream }: Route): Record<string, string[]>[] {
  if (permission === "public") return [];
  if (permission === "runner") return [{ runner: [] }];
  return isStream === true ? [{ token: [] }, { ticket: [] }] : [{ token: [] }];
}

function responsesOf(face: Face, { answer }: Route): ZodOpenApiResponsesObject {
  const responses: Record<string, ZodOpenApiResponsesObject["200"]> = {};
  for (const [status, description] of Object.entries(answer.also ?? {})) responses[status] = { description };
  responses[String(answer.status)] = { description: "The answer.", ...contentOf(face, answer) };
  const refusal = face.documents?.refusal ?? NativeRefusalSchema;
  responses["default"] = { description: "A refusal.", content: { "application/json": { schema: refusal } } };
  return responses as ZodOpenApiResponsesObject;
}

function contentOf(face: Face, { contentType, schema, isBare }: Route["answer"]) {
  if (contentType !== undefined) return { content: { [contentType]: { schema: z.string() } } };
  if (!schema) return {};
  const isWrapped = isBare !== true && face.documents === undefined;
  return { content: { "application/json": { schema: isWrapped ? wrapped(schema) : schema } } };
}

const NativeRefusalSchema = z.object({ success: z.literal(false), error: ApiErrorSchema, meta: ApiMetaSchema });

function wrapped(data: z.ZodType): z.ZodType {
  return z.object({ success: z.literal(true), data, meta: ApiMetaSchema });
}

/** The schemas that answers are made of, under the names that they have in the protocol. */
const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Run: RunSchema,
  StepDetails: StepDetailsSchema,
  Attempt: AttemptSchema,
  RunDetails: RunDetailsSchema,
  Gate: GateSchema,
  Artifact: ArtifactSchema,
  MachineSummary: MachineSummarySchema,
  WorkspaceFile: WorkspaceFileSchema,
  EventRecord: EventRecordSchema,
  Runner: RunnerSchema,
  Plugin: PluginSchema,
  PluginDetails: PluginDetailsSchema,
  PluginRoute: PluginRouteSchema,
  Project: ProjectSchema,
  Token: TokenSchema,
};

/** `/runs/:id/files/:path{.+}` as `/runs/{id}/files/{path}`. */
export function toOpenApiPath(path: string): string {
  return path.replace(/:(\w+)(?:\{[^/]*\})?/g, "{$1}");
}

function paramsOf(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
}

function operationId(face: Face, { method, path }: Route): string {
  const words = path
    .replace(/\{[^/]*\}/g, "")
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return [face.name, method.toLowerCase(), ...words].join("_");
}
