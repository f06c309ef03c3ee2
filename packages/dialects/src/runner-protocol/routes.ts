import type { ControlPlane } from "@signalbox/control-plane";
import { EnrolRunnerRequestSchema, limit, RUNNER_PATHS, type EnrolRunnerInput } from "@signalbox/protocol";
import * as z from "zod";

import { sendContent } from "../downloads/send-content.ts";
import { route, type Route } from "../route.ts";
import { streamedBody } from "./streamed-body.ts";

const EnrolledSchema = z.object({ runnerId: z.string(), orgId: z.string() });
const EpochSchema = z.object({ epoch: z.coerce.number().int().min(1) });
const BlobSchema = z.object({ sha256: z.string(), bytes: z.int() });

/** What all paths of the runner protocol begin with. */
export const MOUNT = "/runner/v1";

/** The HTTP side of the runner protocol; its sockets are the control plane's own. */
export function runnerRoutes({ runners, link, records }: ControlPlane): Route[] {
  const blob = `${below(RUNNER_PATHS.blobs)}/:sha256`;
  return [
    route({
      method: "POST",
      path: below(RUNNER_PATHS.enrol),
      permission: "public",
      summary: "Admits a machine to the fleet; the enrolment token in the body is the credential.",
      body: { schema: EnrolRunnerRequestSchema, required: true, maxBytes: limit("body.anonymousBytes") },
      answer: { status: 201, schema: EnrolledSchema },
      handle: ({ body }) => runners.enrolRunner(body as EnrolRunnerInput),
    }),
    route({
      method: "PUT",
      path: blob,
      permission: "runner",
      summary: "Stores a blob; its bytes must hash to its name.",
      answer: { status: 200, schema: BlobSchema },
      handle: (call) =>
        link.putBlob(call.param("sha256"), streamedBody(call.incoming, limit("blob.bytes")), call.runner),
    }),
    route({
      method: "GET",
      path: blob,
      permission: "runner",
      summary: "The bytes of a blob.",
      answer: {
        status: 200,
        contentType: "application/octet-stream",
        also: { 206: "The range that was asked for.", 304: "The caller has it already." },
      },
      async handle(call) {
        const found = await link.getBlob(call.param("sha256"), call.runner);
        return found.success ? await sendContent(call, found.data) : found;
      },
    }),
    route({
      method: "GET",
      path: `${below(RUNNER_PATHS.records)}/:attemptId`,
      permission: "runner",
      summary: "What the agents of a session said in the attempts before this one, for the runner that holds it.",
      query: EpochSchema,
      answer: { status: 200, contentType: "application/x-ndjson" },
      async handle(call) {
        const held = { attemptId: call.param("attemptId"), epoch: call.query.epoch };
        const found = await records.open(held, call.runner);
        if (!found.success) return found;
        const stream = call.stream();
        stream.open(200, { ...call.headers, "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" });
        await stream.carry(found.data);
        return { written: 200 };
      },
    }),
  ];
}

function below(path: string): string {
  return path.slice(MOUNT.length);
}
