import * as protocol from "@signalbox/protocol";
import { WEBHOOK_EVENT_TYPES, type EventDefinition } from "@signalbox/protocol";
import type { ClaimedDelivery } from "@signalbox/store";
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { spellMessage } from "./spell-message.ts";

/** The `Event` of the NOFX guide, as it prints it; of what is about no run, the run is absent. */
const GuideEventSchema = z.strictObject({
  event_type: z.string().min(1),
  run_id: z.string().min(1).optional(),
  step_id: z.string().min(1).optional(),
  payload: z.looseObject({ message: z.string().min(1) }),
  created_at: z.iso.datetime(),
});

/** What the guide's receiver reads of a payload. */
const READ_BY_THE_GUIDE: Readonly<Record<string, readonly string[]>> = {
  "run.succeeded": ["goal", "duration", "steps_count"],
  "run.failed": ["error"],
  "gate.pending": ["gate_id", "description", "approvers"],
  "artifact.created": ["artifact_id", "path", "metadata"],
  "step.started": ["name"],
  "step.finished": ["name", "status"],
};

describe("spellMessage", () => {
  it.each([...WEBHOOK_EVENT_TYPES])("says %s in the shape of the guide, with what its receivers read", (type) => {
    const data = sampleOf(definitionOf(type));
    const stream = streamOf(type);

    const body = spell(delivery(type, data, stream));

    const { id, org_id, stream: told, seq, session_id, ...event } = body;
    expect(() => GuideEventSchema.parse(event)).not.toThrow();
    expect({ id, org_id, told, seq }).toEqual({ id: "whd_1", org_id: "default", told: stream, seq: 3 });
    expect(session_id).toBe(stream === "ses_1.0" ? stream : undefined);
    expect(event["run_id"]).toBe(stream === "rnr_1" ? undefined : "run_1");
    // The type alone is what an event of no known table would say.
    expect((body["payload"] as { message: string }).message).not.toBe(type);
    expect(Object.keys(body["payload"] as object)).toEqual(
      expect.arrayContaining([
        ...Object.keys(data).filter((key) => key !== "message"),
        ...(READ_BY_THE_GUIDE[type] ?? []),
      ]),
    );
  });

  it("keeps a sentence where the payload is too large to be told", () => {
    const body = spell(delivery("run.failed", { goal: "g".repeat(1_000), error: "e" }, "run_1"), 400);

    expect(body).toMatchObject({
      event_type: "run.failed",
      run_id: "run_1",
      step_id: "stp_1.0",
      payload_omitted: true,
      payload: { message: "A step failed for good." },
    });
  });
});

function spell(claimed: ClaimedDelivery, maxBytes = 100_000): Record<string, unknown> {
  return JSON.parse(spellMessage(claimed, "stp_1.0", maxBytes).toString()) as Record<string, unknown>;
}

function delivery(type: string, data: object, stream: string): ClaimedDelivery {
  const runId = stream === "rnr_1" ? null : "run_1";
  const row = { id: "whd_1", event_type: type, org_id: "default", run_id: runId, stream, seq: 3, created_at: 0 };
  return { row, event: { at: 1_000, data: JSON.stringify(data) } } as ClaimedDelivery;
}

/** A stream that could have an event of a type: a run's, a session's, or one that is about no run. */
function streamOf(type: string): string {
  if (Object.hasOwn(protocol.RUN_EVENTS, type)) return "run_1";
  return Object.hasOwn(protocol.SESSION_EVENTS, type) ? "ses_1.0" : "rnr_1";
}

/** The row of whichever table of the protocol has a type. */
function definitionOf(type: string): EventDefinition {
  const tables = Object.entries(protocol).flatMap(([name, value]) =>
    name.endsWith("_EVENTS") && !(value instanceof Set) ? [value as Record<string, EventDefinition>] : [],
  );
  const definition = tables.find((table) => Object.hasOwn(table, type))?.[type];
  if (!definition) throw new Error(`no table has ${type}`);
  return definition;
}

/** Data that an event of a table's row could carry, with everything that it may leave out. */
function sampleOf({ data }: EventDefinition): Record<string, unknown> {
  return sample(z.toJSONSchema(data, { io: "input", unrepresentable: "any" }) as JsonSchema) as Record<string, unknown>;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

function sample(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return sample(schema.anyOf[0]);
  if (schema.properties)
    return Object.fromEntries(Object.entries(schema.properties).map(([key, one]) => [key, sample(one)]));
  const plain: Readonly<Record<string, unknown>> = { string: "text", array: [], object: {}, boolean: true };
  return schema.type !== undefined && Object.hasOwn(plain, schema.type) ? plain[schema.type] : 1;
}
