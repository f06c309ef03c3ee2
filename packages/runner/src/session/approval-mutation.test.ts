import { AgentEventSchema, type AgentEvent } from "@signalbox/agents";
import { canonicalJson, type ApprovalContent } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { contentOf, converse, journalOf } from "../../test/_support/conversation.ts";

/** Every field that an agent can ask with. */
const FULL: AgentEvent = {
  type: "approval.requested",
  requestId: "r1",
  kind: "command",
  title: "Publish it",
  toolCallId: "call-1",
  name: "shell",
  command: "npm publish --tag next",
  cwd: "/work",
  reason: "it is ready",
  changes: [
    { path: "src/a.ts", change: "update", unifiedDiff: "-a\n+b\n" },
    { path: "src/b.ts", change: "move", movedTo: "src/c.ts", oldText: "old", newText: "new" },
  ],
  input: { argv: ["npm", "publish"], env: { CI: "1" }, timeout: 10, isQuiet: false, extra: null },
  canEditInput: false,
  options: [
    { id: "once", label: "Yes", effect: "allow" },
    { id: "always", label: "Yes, and all that begins with npm", effect: "allow_session" },
    { id: "no", label: "No", effect: "deny" },
  ],
};

type Path = readonly (string | number)[];

/** The content and everything in it, by where it stands. */
function placesIn(value: unknown, path: Path = []): { path: Path; value: unknown }[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  const inside = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [{ path, value }, ...inside.flatMap(([key, part]) => placesIn(part, [...path, key]))];
}

/** A copy in which something else stands at a place; `undefined` takes it away. */
function withAt(value: unknown, [key, ...rest]: Path, make: (before: unknown) => unknown): unknown {
  if (key === undefined) return make(value);
  if (Array.isArray(value)) {
    const items: unknown[] = value.map((item, index) => (index === key ? withAt(item, rest, make) : item));
    return items.filter((item) => item !== undefined);
  }
  const entries = Object.entries(value as object).map(([name, part]: [string, unknown]) => [
    name,
    name === key ? withAt(part, rest, make) : part,
  ]);
  return Object.fromEntries(entries);
}

/** Ways to change a value, each with what a careless comparison might pass over. */
const WAYS: Readonly<Record<string, (before: unknown) => unknown>> = {
  gone: () => undefined,
  null: () => null,
  "another type": (before) => (typeof before === "string" ? [before] : JSON.stringify(before)),
  longer: (before) =>
    typeof before === "string"
      ? `${before} `
      : Array.isArray(before)
        ? [...(before as unknown[]), null]
        : typeof before === "object" && before !== null
          ? { ...before, "": 0 }
          : before,
  shorter: (before) => (typeof before === "string" || Array.isArray(before) ? before.slice(0, -1) : before),
  "the other way round": (before) =>
    typeof before === "string"
      ? Array.from(before).toReversed().join("")
      : Array.isArray(before)
        ? before.toReversed()
        : typeof before === "number"
          ? -before - 1
          : typeof before === "boolean"
            ? !before
            : before,
  "with what cannot be seen": (before) => (typeof before === "string" ? `${before}\u200b` : before),
};

const words = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("rm -rf /", "__proto__", "\u001b[2K", "\ud800"),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    words,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(words, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const question = fc
  .record(
    {
      title: words,
      name: words,
      command: words,
      cwd: words,
      reason: words,
      input: json,
      kind: fc.constantFrom("command", "file_change", "network", "permissions", "tool"),
    },
    { requiredKeys: ["title", "kind"] },
  )
  .map((fields) => AgentEventSchema.parse({ ...FULL, ...fields }));

/** What the control plane has shown of a question, once the runner has written it down. */
async function shown(event: AgentEvent) {
  const { journal, facts } = journalOf();
  await journal.write(event);
  const [asked] = facts;
  if (asked?.fact !== "asked") throw new Error("nothing was asked");
  return { journal, content: contentOf(asked) };
}

// Seen red: with a journal that looks at the request's id only, each of these was carried out.
describe("what was allowed, when the agent waits with something else", () => {
  const content = shown(FULL).then((known) => known.content);

  it("has every field of what was asked in it", async () => {
    const paths = placesIn(await content).map(({ path }) => path.join("."));

    expect(paths).toEqual(
      expect.arrayContaining(
        [
          "v orgId sessionId kind action description questions".split(" "),
          ["origin.attemptId", "origin.epoch", "origin.requestId"],
          ["kind", "title", "name", "command", "cwd", "reason"].map((name) => `context.${name}`),
          ["path", "change", "unifiedDiff"].map((name) => `context.changes.0.${name}`),
          ["movedTo", "oldText", "newText"].map((name) => `context.changes.1.${name}`),
          ["argv.0", "argv.1", "env.CI", "timeout", "isQuiet", "extra"].map((name) => `context.input.${name}`),
          ["id", "label", "effect"].map((name) => `context.options.1.${name}`),
        ].flat(),
      ),
    );
  });

  it("is refused whatever field differs, and however", async () => {
    const whole = await content;
    const tried: string[] = [];
    for (const { path } of placesIn(whole)) {
      for (const [how, make] of Object.entries(WAYS)) {
        const mutated = withAt(whole, path, make) as ApprovalContent | undefined;
        if (mutated === undefined || canonicalJson(mutated) === canonicalJson(whole)) continue;
        const { journal } = await shown(FULL);

        const refusal = journal.takeAnswer("r1", hashApprovalContent(mutated));
        tried.push(`${path.join(".")} ${how}: ${refusal}`);
      }
    }
    expect(tried.length).toBeGreaterThan(200);
    expect(tried.filter((one) => !one.endsWith("CONTENT_CHANGED"))).toEqual([]);
  });

  it("is refused whatever was asked, nested as it likes; and taken when nothing differs", async () => {
    const mutation = fc.record({ at: fc.nat(), how: fc.constantFrom(...Object.values(WAYS)), to: json });
    await fc.assert(
      fc.asyncProperty(question, mutation, async (event, { at, how, to }) => {
        const { journal, content: whole } = await shown(event);
        const again = await shown(event);
        const places = placesIn(whole);
        const { path } = places[at % places.length] ?? { path: [] };
        for (const make of [how, () => to]) {
          const mutated = withAt(whole, path, make) as ApprovalContent | undefined;
          if (mutated === undefined || canonicalJson(mutated) === canonicalJson(whole)) continue;
          expect((await shown(event)).journal.takeAnswer("r1", hashApprovalContent(mutated))).toBe("CONTENT_CHANGED");
        }
        expect(journal.takeAnswer("r1", hashApprovalContent(whole))).toBeUndefined();
        expect(again.journal.takeAnswer("r1", hashApprovalContent(again.content))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["another command", ["context", "command"]],
    ["another folder", ["context", "cwd"]],
    ["another file", ["context", "changes", 0, "path"]],
    ["another input of the tool", ["context", "input", "argv", 1]],
    ["another meaning of the options", ["context", "options", 1, "label"]],
    ["another session", ["sessionId"]],
    ["another attempt", ["origin", "attemptId"]],
    ["another epoch", ["origin", "epoch"]],
  ] satisfies [string, Path][])("reaches the agent as a no, and the log with its reason: %s", async (_name, path) => {
    const talk = converse();
    const mutated = withAt(await content, path, WAYS["longer"] ?? String);
    const changed = path.at(-1) === "epoch" ? withAt(mutated, path, (epoch) => Number(epoch) + 1) : mutated;
    talk.session.say(FULL);
    await eventually(() => talk.facts.find(({ fact }) => fact === "asked"));

    const contentHash = hashApprovalContent(changed as ApprovalContent);
    talk.tell({
      kind: "answer",
      requestId: "r1",
      approvalId: "apr_1",
      contentHash,
      decision: "allow",
      scope: "session",
    });
    const refused = await eventually(() => talk.facts.find(({ fact }) => fact === "refused"));

    const message = "what was allowed is not what was asked";
    expect(talk.session.told).toEqual([["r1", { decision: "deny", reason: message }]]);
    expect(refused).toEqual({ fact: "refused", approvalId: "apr_1", code: "CONTENT_CHANGED", message });
  });
});

describe("an answer that comes again", () => {
  it("lets nothing go on: not this request, and not a later one with the same words", async () => {
    const talk = converse();
    const hash = hashApprovalContent((await shown(FULL)).content);
    const answer = {
      kind: "answer",
      approvalId: "apr_1",
      contentHash: hash,
      decision: "allow",
      scope: "once",
    } as const;
    talk.session.say(FULL);
    await eventually(() => talk.facts.find(({ fact }) => fact === "asked"));
    talk.tell({ ...answer, requestId: "r1" });
    await eventually(() => talk.session.told.length === 1);

    talk.tell({ ...answer, requestId: "r1" });
    talk.session.say({ ...FULL, requestId: "r2" });
    await eventually(() => talk.facts.filter(({ fact }) => fact === "asked").length === 2);
    talk.tell({ ...answer, requestId: "r2" });
    await eventually(() => talk.facts.filter(({ fact }) => fact === "refused").length === 2);

    expect(talk.session.told.filter((told) => JSON.stringify(told).includes('"allow"'))).toHaveLength(1);
    expect(talk.facts.flatMap((fact) => (fact.fact === "refused" ? [fact.code] : []))).toEqual([
      "NOT_WAITING",
      "CONTENT_CHANGED",
    ]);
  });
});
