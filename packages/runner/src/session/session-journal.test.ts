import type { AgentEvent } from "@signalbox/agents";
import { limit, SessionFactSchema, type SessionFactOf } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { describe, expect, it } from "vitest";

import { createRedactor } from "../redaction/redactor.ts";
import { SessionJournal } from "./session-journal.ts";

const SECRET = "hunter2-secret";

/** A journal, and the lines that it has written. */
function journal(secrets = [{ name: "KEY", value: SECRET }]) {
  const redactor = createRedactor(secrets);
  const lines: { stream: string; line: unknown }[] = [];
  const made = new SessionJournal({
    orgId: "default",
    sessionId: "ses_1.0",
    attemptId: "att_1",
    epoch: 3,
    redact: (text) => redactor.redactText(text),
    redaction: () => redactor.stream(),
    say: async (text, stream) => void lines.push({ stream, line: JSON.parse(text) }),
  });
  const facts = () =>
    lines.filter(({ stream }) => stream === "session").map(({ line }) => SessionFactSchema.parse(line));
  return { journal: made, lines, facts };
}

/** The hash as the control plane computes it, from the line that it reads. */
function hashAt(fact: SessionFactOf<"asked">): string {
  const { requestId, kind, action, description, context, questions } = fact;
  const origin = { attemptId: "att_1", epoch: 3, requestId };
  const about = { v: 1 as const, orgId: "default", sessionId: "ses_1.0" };
  return hashApprovalContent({ ...about, kind, action, description, context, questions, origin });
}

const asked = (more: object = {}): AgentEvent => ({
  type: "approval.requested",
  requestId: "r1",
  kind: "command",
  title: "Run it",
  command: "npm publish",
  canEditInput: false,
  options: [],
  ...more,
});

describe("what a session records of a question", () => {
  it("is hashed as the control plane reads it, and answered by that hash once", async () => {
    const { journal: made, facts } = journal();
    await made.write(asked({ input: { undefinedFields: undefined, nested: [1, null, "x"] } }));
    const [fact] = facts();
    const hash = fact?.fact === "asked" ? hashAt(fact) : "";

    expect(made.takeAnswer("other", hash)).toBe("NOT_WAITING");
    expect(made.takeAnswer("r1", hash)).toBeUndefined();
    expect(made.takeAnswer("r1", hash)).toBe("NOT_WAITING");
  });

  it("takes no answer after one to something else: that one was a no", async () => {
    const { journal: made, facts } = journal();
    await made.write(asked());
    const [fact] = facts();

    expect(made.takeAnswer("r1", "0".repeat(64))).toBe("CONTENT_CHANGED");
    expect(made.takeAnswer("r1", fact?.fact === "asked" ? hashAt(fact) : "")).toBe("NOT_WAITING");
  });

  it("says so where its description is cut, and has the end of it too", async () => {
    const { journal: made, facts } = journal();
    const command = `echo ${"x".repeat(9_000)}; rm -rf /`;
    await made.write(asked({ command }));
    const [fact] = facts();

    expect(fact).toMatchObject({ context: { command } });
    expect(fact?.fact === "asked" && fact.description).toMatch(
      /^echo x+ … \(the first characters of 9015; all of them are/,
    );
    expect(fact?.fact === "asked" && fact.description).toHaveLength(4_000);
  });

  it("has no secrets: what is hashed is what is shown", async () => {
    const { journal: made, facts, lines } = journal();
    await made.write(
      asked({ command: `curl -H ${SECRET}`, reason: SECRET, input: { headers: { [SECRET]: [SECRET] } } }),
    );
    const [fact] = facts();

    expect(fact).toMatchObject({ fact: "asked", description: "curl -H [redacted:KEY]" });
    expect(JSON.stringify(fact)).not.toContain(SECRET);
    expect(made.takeAnswer("r1", fact?.fact === "asked" ? hashAt(fact) : "")).toBeUndefined();
    expect(lines.filter(({ stream }) => stream === "session")).toHaveLength(1);
  });

  it("has the defaults that the control plane would put in", async () => {
    const { journal: made, facts } = journal();
    // Written as an agent's adapter may leave it; the schema has the rest.
    const question = { id: "q1", text: "Which?", options: [{ label: "red" }] } as never;
    await made.write({ type: "question.requested", requestId: "r1", questions: [question] });
    const [fact] = facts();

    expect(fact).toMatchObject({ questions: [{ allowsMany: false, allowsText: false }] });
    expect(made.takeAnswer("r1", fact?.fact === "asked" ? hashAt(fact) : "")).toBeUndefined();
  });

  it("is void once the agent waits no more", async () => {
    const { journal: made, facts } = journal();
    await made.write(asked());
    await made.write({ type: "approval.resolved", requestId: "r1", outcome: "cancelled", by: "agent" });
    const [fact, withdrawn] = facts();

    expect(withdrawn).toEqual({ fact: "withdrawn", requestId: "r1" });
    expect(made.takeAnswer("r1", fact?.fact === "asked" ? hashAt(fact) : "")).toBe("NOT_WAITING");
  });

  it.each([
    ["a context that is too large", asked({ input: "x".repeat(limit("approval.contextBytes")) })],
    [
      "more questions than can be shown",
      {
        type: "question.requested",
        requestId: "r1",
        questions: Array.from({ length: 21 }, (_, index) => ({
          id: `q${index}`,
          text: "?",
          options: [],
          allowsMany: false,
          allowsText: true,
        })),
      } satisfies AgentEvent,
    ],
  ])("with %s is one that can only be denied", async (_name, event) => {
    const { journal: made, facts } = journal();
    await made.write(event);
    const [fact] = facts();

    expect(fact).toMatchObject({ fact: "asked", requestId: "r1", context: { cannotBeShown: true }, questions: null });
  });

  it("spells out what a terminal would act on", async () => {
    const { journal: made, facts } = journal();
    await made.write(asked({ command: "ls\u001b[8m; rm -rf /\u202e" }));
    const [fact] = facts();

    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(fact?.fact === "asked" && fact.description).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe("what a session records of its end", () => {
  const exited: AgentEvent = {
    type: "process.exited",
    code: 1,
    signal: null,
    reason: "crashed",
    message: "it ended with exit code 1",
    stderr: "",
    survivors: [],
  };

  it.each([
    ["closed", { fact: "ended", reason: "finished" }],
    ["crashed", { fact: "ended", reason: "agent_crashed", message: "it ended with exit code 1" }],
    ["protocol_error", { fact: "ended", reason: "protocol_error", message: "it ended with exit code 1" }],
  ] as const)("says why: %s", async (reason, fact) => {
    const { journal: made, facts } = journal();

    await made.write({ ...exited, reason });

    expect(facts()).toEqual([fact]);
  });
});
