import { describe, expect, it } from "vitest";

import { hashEnvelope, hashEnvironment, hashGateContent, sha256Hex } from "./hash.ts";
import type { Envelope } from "./run/envelope.ts";
import type { GateContent } from "./run/gate.ts";

const envelope: Envelope = {
  v: 1,
  orgId: "o",
  projectId: "p",
  runId: "r",
  step: "s",
  idempotencyKey: "k",
  tool: "command",
  inputs: { shell: "ls" },
  command: null,
  toolsAllowed: null,
  envAllowed: [],
  environmentHash: "e",
  secretsScope: null,
  secretNames: [],
  repo: null,
  baseManifest: null,
  artifacts: [],
  sandbox: "auto",
  network: "host",
  timeoutMs: 1,
  onDisconnect: "stop",
  approvals: [],
};
const content: GateContent = {
  v: 1,
  orgId: "o",
  projectId: "p",
  runId: "r",
  step: "s",
  description: "?",
  approvers: [],
  expiresAt: "2026-01-01T00:00:00.000Z",
  guards: [],
};

describe("hashes", () => {
  it("are SHA-256 in hex", () => {
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("do not depend on the order of keys", () => {
    const turned = Object.fromEntries(Object.entries(envelope).toReversed()) as Envelope;

    expect(hashEnvelope(turned)).toBe(hashEnvelope(envelope));
  });

  it.each(Object.keys(envelope) as (keyof Envelope)[])("change with %s of an envelope", (key) => {
    expect(hashEnvelope({ ...envelope, [key]: "other" })).not.toBe(hashEnvelope(envelope));
  });

  it.each(Object.keys(content) as (keyof GateContent)[])("change with %s of a gate", (key) => {
    expect(hashGateContent({ ...content, [key]: "other" })).not.toBe(hashGateContent(content));
  });

  it("of one thing are never those of another with the same text", () => {
    const same = content as unknown as Envelope;

    expect(hashEnvelope(same)).not.toBe(hashGateContent(content));
    expect(hashEnvironment({ A: "1", B: "2" })).toBe(hashEnvironment({ B: "2", A: "1" }));
  });
});
